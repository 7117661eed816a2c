import type { Clock } from '../../src/domain/clock.ts';
import { SynclineError } from '../../src/domain/errors.ts';
import type { FaultPlan, Port } from './faults.ts';
import { createSeededRandom, type Random } from './random.ts';

/*
 * The world that a simulated runtime lives in: everything that takes time is a call or a timer, and one seeded scheduler
 * decides which of them is next and how it ends. Between two steps everything runs that can run by itself.
 */

/** A call of a runtime to the outside. */
export interface PortCall<Result> {
  readonly port: Port;
  /** What is called, for the trace. */
  readonly name: string;
  /** Calls of one process in one lane take effect in the order in which they were made. */
  readonly lane?: string;
  /** What the call does, at one moment. Its error is the call's. */
  readonly effect: () => Result;
  /** What there is when the process dies in the middle of it, for calls that are not done in one piece. */
  readonly halfway?: () => void;
  /** How long after nobody waits for its answer any more it may still take effect, in milliseconds: it is on its way over a network. */
  readonly lateMsMax?: number;
  readonly signal?: AbortSignal | undefined;
}

/** One process of the simulated computer. */
export interface SimProcess {
  readonly name: string;
  readonly clock: Clock;
  readonly state: 'running' | 'frozen' | 'dead';
  call<Result>(call: PortCall<Result>): Promise<Result>;
  /** Ends it like a kill: what was under way took effect or did not, and nobody is told. */
  kill(): void;
  /** Stops it like SIGSTOP: its time stands still, that of the others does not. */
  freeze(): void;
  thaw(): void;
}

export interface World {
  readonly random: Random;
  readonly plan: FaultPlan;
  nowMs(): number;
  startProcess(): SimProcess;
  /** Does one thing: completes a call, or lets time pass until the next timer. `false` when there is nothing left to do. */
  step(): Promise<boolean>;
  /** Lets everything run that can run without a call being answered or time passing. */
  settle(): Promise<void>;
  /** Makes time go on by at least this much, once there is nothing else to do. */
  wait(delayMs: number): void;
  /** From now on nothing goes wrong any more. */
  endFaults(): void;
  isFaulty(): boolean;
  /** Ends everything: no call is answered any more, and no timer goes off. */
  end(): void;
  /** Writes down what happened. */
  note(line: string): void;
  /** What happened, step by step: the same for the same seed. */
  readonly trace: readonly string[];
  /** Calls that wait, of processes that run. */
  pendingCalls(): number;
}

type Outcome =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: unknown };

interface Pending {
  readonly id: number;
  readonly process: ProcessState;
  readonly call: PortCall<unknown>;
  readonly notBeforeMs: number;
  readonly settle: (outcome: Outcome) => void;
  /** Once it has taken effect. */
  outcome: Outcome | undefined;
}

interface Timer {
  readonly id: number;
  readonly process: ProcessState;
  readonly atMs: number;
  readonly callback: () => void;
}

interface ProcessState {
  readonly name: string;
  state: SimProcess['state'];
}

const START_MS = Date.UTC(2030, 0, 1);
/** How long an answer takes at least, so that time goes on at all. */
const CALL_MS = 1;

export function createWorld(seed: string, plan: FaultPlan): World {
  const random = createSeededRandom(`${seed} schedule`);
  const trace: string[] = [];
  let nowMs = START_MS;
  let ids = 0;
  let processes = 0;
  let faulty = true;
  let pending: Pending[] = [];
  let timers: Timer[] = [];

  const nobody: ProcessState = { name: 'nobody', state: 'running' };

  const note = (line: string): void => {
    trace.push(`${trace.length} ${nowMs - START_MS}ms ${line}`);
  };

  const takeEffect = (one: Pending, effect = one.call.effect): Outcome => {
    try {
      return { ok: true, value: effect() };
    } catch (error) {
      if (!(error instanceof SynclineError)) throw error;
      return { ok: false, error };
    }
  };

  const end = (one: Pending, outcome: Outcome, how: string): void => {
    note(`${one.process.name} #${one.id} ${one.call.name}: ${how}${outcome.ok ? '' : ` ${codeOf(outcome)}`}`);
    pending = pending.filter((other) => other !== one);
    one.settle(outcome);
  };

  /** Brings a call to its end, or to where only its answer is missing. */
  const complete = (one: Pending): void => {
    nowMs += CALL_MS;
    const faults = plan.ports[one.call.port];
    if (one.outcome !== undefined) end(one, one.outcome, 'answered');
    else if (faulty && random.chance(faults.before)) end(one, failure(one, false), 'refused');
    else {
      const outcome = takeEffect(one);
      if (faulty && random.chance(faults.after)) end(one, failure(one, true), 'answer lost');
      else if (faulty && random.chance(plan.split)) {
        one.outcome = outcome;
        note(`${one.process.name} #${one.id} ${one.call.name}: takes effect`);
      } else end(one, outcome, 'done');
    }
  };

  /** Those that can go on: of a running process, not slow any more, and first in their lane. */
  const ready = (): Pending[] => {
    const lanes = new Set<string>();
    return pending.filter((one) => {
      const { process, call } = one;
      if (process.state !== 'running') return false;
      if (call.lane !== undefined && one.outcome === undefined) {
        const lane = `${process.name} ${call.lane}`;
        if (lanes.has(lane)) return false;
        lanes.add(lane);
      }
      return one.notBeforeMs <= nowMs;
    });
  };

  const nextTimes = (): number[] => [
    ...timers.filter(({ process }) => process.state === 'running').map(({ atMs }) => atMs),
    ...pending
      .filter(({ process, notBeforeMs }) => process.state === 'running' && notBeforeMs > nowMs)
      .map(({ notBeforeMs }) => notBeforeMs),
  ];

  const fireTimers = (): void => {
    const due = timers
      .filter(({ process, atMs }) => process.state === 'running' && atMs <= nowMs)
      .sort((a, b) => a.atMs - b.atMs || a.id - b.id);
    for (const timer of due) {
      // One that fired before it may have called it off.
      if (!timers.includes(timer)) continue;
      timers = timers.filter((other) => other !== timer);
      timer.callback();
    }
  };

  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 2; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
  };

  const startCall = <Result>(process: ProcessState, call: PortCall<Result>): Promise<Result> => {
    if (process.state === 'dead') return new Promise(() => undefined);
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    ids += 1;
    const isSlow = faulty && random.chance(plan.slow);
    const one: Pending = {
      id: ids,
      process,
      call,
      notBeforeMs: isSlow ? nowMs + random.between(1, plan.slowMsMax) : nowMs,
      outcome: undefined,
      settle: (outcome) => (outcome.ok ? resolve(outcome.value as Result) : reject(outcome.error)),
    };
    note(`${process.name} #${one.id} ${call.name}: asked${isSlow ? ', slow' : ''}`);
    pending.push(one);
    call.signal?.addEventListener('abort', () => abort(one), { once: true });
    if (call.signal?.aborted) abort(one);
    return promise;
  };

  const abort = (one: Pending): void => {
    if (one.process.state === 'dead' || !pending.includes(one)) return;
    const reason: unknown = one.call.signal?.reason;
    const error = reason instanceof SynclineError ? reason : new SynclineError('ABORTED', 'It was aborted.');
    if (one.outcome === undefined) arriveLate(one);
    end(one, { ok: false, error }, 'aborted');
  };

  /** What was sent already may arrive although nobody waits for it any more. */
  const arriveLate = (one: Pending): void => {
    const { lateMsMax } = one.call;
    if (lateMsMax === undefined || !faulty || random.chance(0.5)) return;
    ids += 1;
    const callback = (): void => {
      note(`${one.process.name} #${one.id} ${one.call.name}: takes effect late`);
      takeEffect(one);
    };
    timers.push({ id: ids, process: nobody, atMs: nowMs + random.between(1, lateMsMax), callback });
  };

  const kill = (process: ProcessState): void => {
    process.state = 'dead';
    for (const one of pending.filter((other) => other.process === process)) {
      if (one.outcome !== undefined) continue;
      if (!random.chance(0.5)) {
        arriveLate(one);
        continue;
      }
      const { halfway } = one.call;
      const isHalf = halfway !== undefined && random.chance(0.5);
      note(`${process.name} #${one.id} ${one.call.name}: ${isHalf ? 'half done' : 'done'} as it dies`);
      takeEffect(one, isHalf ? halfway : one.call.effect);
    }
    pending = pending.filter((other) => other.process !== process);
    timers = timers.filter((timer) => timer.process !== process);
  };

  return {
    random,
    plan,
    trace,
    note,
    settle,
    nowMs: () => nowMs,
    pendingCalls: () => pending.filter(({ process }) => process.state === 'running').length,
    isFaulty: () => faulty,
    end() {
      for (const { process } of [...pending, ...timers]) process.state = 'dead';
      pending = [];
      timers = [];
    },
    wait(delayMs) {
      ids += 1;
      timers.push({ id: ids, process: nobody, atMs: nowMs + delayMs, callback: () => undefined });
    },
    endFaults() {
      faulty = false;
      pending = pending.map((one) => Object.assign(one, { notBeforeMs: nowMs }));
    },
    async step() {
      const able = ready();
      const times = nextTimes();
      if (able.length === 0 && times.length === 0) return false;
      if (able.length > 0 && (times.length === 0 || !(faulty && random.chance(plan.timePasses)))) {
        complete(faulty ? random.pick(able) : (able[0] as Pending));
      } else {
        nowMs = Math.max(nowMs, Math.min(...times));
        note('time passes');
        fireTimers();
      }
      await settle();
      return true;
    },
    startProcess() {
      processes += 1;
      const process: ProcessState = { name: `P${processes}`, state: 'running' };
      const own = createSeededRandom(`${seed} ${process.name}`);
      let ownIds = 0;
      const clock: Clock = {
        nowMs: () => nowMs,
        monotonicMs: () => nowMs - START_MS,
        setTimer(delayMs, callback) {
          if (process.state === 'dead') return () => undefined;
          ids += 1;
          const timer: Timer = { id: ids, process, atMs: nowMs + Math.max(1, Math.ceil(delayMs)), callback };
          timers.push(timer);
          return () => {
            timers = timers.filter((other) => other !== timer);
          };
        },
        random: own.next,
        newId: () => {
          ownIds += 1;
          return `${process.name}-${ownIds}`;
        },
      };
      note(`${process.name} begins`);
      return {
        name: process.name,
        clock,
        get state() {
          return process.state;
        },
        call: (call) => startCall(process, call),
        kill() {
          note(`${process.name} is killed`);
          kill(process);
        },
        freeze() {
          note(`${process.name} is frozen`);
          process.state = 'frozen';
        },
        thaw() {
          note(`${process.name} is thawed`);
          process.state = 'running';
          fireTimers();
        },
      };
    },
  };
}

function codeOf(outcome: Outcome): string {
  return !outcome.ok && outcome.error instanceof SynclineError ? outcome.error.code : '';
}

/** The errors that a port's own trouble looks like from inside. */
const FAILURES = {
  catalog: { before: 'CATALOG_BUSY', after: 'CATALOG_UNREACHABLE' },
  store: { before: 'DISK_FULL', after: 'TABLE_FAILED' },
  embedder: { before: 'PROVIDER_RATE_LIMITED', after: 'PROVIDER_UNREACHABLE' },
  batch: { before: 'PROVIDER_RATE_LIMITED', after: 'PROVIDER_UNREACHABLE' },
  source: { before: 'SOURCE_FAILED', after: 'SOURCE_FAILED' },
} as const;

function failure({ call, id }: Pending, isDone: boolean): Outcome {
  const code = FAILURES[call.port][isDone ? 'after' : 'before'];
  return {
    ok: false,
    error: new SynclineError(code, `Simulated trouble in call ${id}.`, { retryable: true }),
  };
}
