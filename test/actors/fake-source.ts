import { fromPromise, type PromiseActorLogic } from 'xstate';

/** One call of a fake source, with the ways to end it. */
export interface FakeCall<Output> {
  readonly signal: AbortSignal;
  succeed(output: Output): void;
  fail(error: unknown): void;
}

/** A stand-in for I/O: answers by itself, or on demand while it is held. */
export interface FakeSource<Output, Input> {
  readonly logic: PromiseActorLogic<Output, Input>;
  readonly callCount: () => number;
  /** The n-th call, counted from 1, as soon as it was made. */
  call(n: number): Promise<FakeCall<Output>>;
  /** From now on calls wait to be ended by the test. */
  hold(): void;
  /** Ends all waiting calls with the answer of their own time of calling, and answers by itself again. */
  letGo(): void;
}

/** `answer` looks at the world when the call is made; what it returns ends the call. */
export function createFakeSource<Output, Input>(
  answer: (input: Input) => () => Output,
): FakeSource<Output, Input> {
  const calls: (FakeCall<Output> & { readonly end: () => void })[] = [];
  const awaited = new Map<number, PromiseWithResolvers<FakeCall<Output>>>();
  let isHeld = false;
  const waitFor = (n: number): PromiseWithResolvers<FakeCall<Output>> => {
    const known = awaited.get(n) ?? Promise.withResolvers<FakeCall<Output>>();
    awaited.set(n, known);
    return known;
  };
  return {
    logic: fromPromise<Output, Input>(({ input, signal }) => {
      const { promise, resolve, reject } = Promise.withResolvers<Output>();
      const finish = answer(input);
      let hasEnded = false;
      const once = (settle: () => void): void => {
        if (hasEnded) return;
        hasEnded = true;
        settle();
      };
      const end = (): void =>
        once(() => {
          if (signal.aborted) return;
          try {
            resolve(finish());
          } catch (error) {
            reject(error);
          }
        });
      const call = {
        signal,
        succeed: (output: Output) => once(() => resolve(output)),
        fail: (error: unknown) => once(() => reject(error)),
        end,
      };
      calls.push(call);
      waitFor(calls.length).resolve(call);
      if (!isHeld) end();
      return promise;
    }),
    callCount: () => calls.length,
    call: (n) => waitFor(n).promise,
    hold: () => {
      isHeld = true;
    },
    letGo() {
      isHeld = false;
      for (const call of calls) call.end();
    },
  };
}
