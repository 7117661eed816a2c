import { beforeEach, describe, expect, test } from 'bun:test';
import type { BatchApi, RemoteJob } from '../../../src/batch/batch-api.ts';
import { OPENAI_BATCH_LIMITS } from '../../../src/batch/batch-limits.ts';
import { SynclineError } from '../../../src/domain/errors.ts';
import { settle } from '../../support/clocks.ts';
import { failing, noQuota, type ProviderHarness, rateLimited, startProvider } from './provider-harness.ts';

/** Calls of the batch API that reached the provider. */
let asked: string[];
/** What the next call fails with. */
let fault: SynclineError | undefined;
let provider: ProviderHarness;
let batch: BatchApi;

const JOB = { externalId: 'batch_1', resultFileIds: ['file-1'] } as unknown as RemoteJob;
const wrongKey = (status = 401) => new SynclineError('PROVIDER_AUTH', 'No.', { details: { status } });

function answer<Result>(what: string, result: Result): Promise<Result> {
  asked.push(what);
  const error = fault;
  fault = undefined;
  return error === undefined ? Promise.resolve(result) : Promise.reject(error);
}

const theirs: BatchApi = {
  limits: OPENAI_BATCH_LIMITS,
  priceShare: 0.5,
  windowMs: 1,
  bytesOf: () => 1,
  upload: () => answer('upload', { fileId: 'file-1', byteCount: 1 }),
  findFiles: () => answer('findFiles', []),
  submit: () => answer('submit', JOB),
  findJobs: () => answer('findJobs', []),
  look: () => answer('look', JOB),
  cancel: () => answer('cancel', undefined),
  async *results() {
    yield { kind: 'unknown', message: '' } as const;
    await answer('results', undefined);
  },
  removeFile: () => answer('removeFile', undefined),
};

beforeEach(() => {
  asked = [];
  fault = undefined;
  provider = startProvider({ batch: theirs });
  batch = provider.batch ?? expect.unreachable();
});

const look = () => batch.look('batch_1', {});
const submit = () => batch.submit({ name: 'n', submission: 1, fileId: 'file-1' }, {});
const codeOf = (call: Promise<unknown>) =>
  call.then(
    () => 'answered',
    ({ code }) => code,
  );

describe('calls of a batch API', () => {
  test('open the circuit of their account, and the first that is answered closes it', async () => {
    fault = wrongKey();
    expect(await codeOf(look())).toBe('PROVIDER_AUTH');
    expect(provider.state()).toBe('unavailable');
    expect(await codeOf(provider.ask(['direct']))).toBe('PROVIDER_AUTH');
    expect(provider.sent).toEqual([]);
    await provider.clock.advance(1_000);
    expect(provider.state()).toBe('probing');
    expect(await codeOf(look())).toBe('answered');
    expect(provider.state()).toBe('available');
  });

  test('are not made while direct requests have opened it, and say for how long', async () => {
    provider.askAside(['direct']);
    await provider.sent[0]?.fail(noQuota());
    const error = await look().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'PROVIDER_QUOTA', details: { isCircuitOpen: true } });
    expect(asked).toEqual([]);
  });

  test('wait out a pause that was asked of direct requests, and ask for one that holds for those', async () => {
    provider.askAside(['direct']);
    await provider.sent[0]?.fail(rateLimited(5_000));
    const looked = codeOf(look());
    await provider.clock.advance(4_900);
    expect(asked).toEqual([]);
    await provider.clock.advance(200);
    expect(await looked).toBe('answered');
    await provider.sent[1]?.answer();

    fault = rateLimited(5_000);
    await codeOf(submit());
    provider.askAside(['again']);
    await provider.clock.advance(4_900);
    expect(provider.sent).toHaveLength(2);
    await provider.clock.advance(200);
    expect(provider.sent).toHaveLength(3);
  });

  test('stop waiting when nobody does', async () => {
    fault = rateLimited(5_000);
    await codeOf(look());
    const controller = new AbortController();
    const waiting = codeOf(batch.look('batch_1', { signal: controller.signal }));
    await settle();
    controller.abort();
    expect(await waiting).toBe('ABORTED');
  });

  test('that only read do not tell that a quota is there again; a submission does', async () => {
    fault = noQuota();
    await codeOf(submit());
    await provider.clock.advance(1_000);
    expect(await codeOf(look())).toBe('answered');
    expect(provider.state()).toBe('probing');
    expect(await codeOf(submit())).toBe('answered');
    expect(provider.state()).toBe('available');
  });

  test('find out with something quick before an upload that takes long', async () => {
    fault = wrongKey();
    await codeOf(look());
    await provider.clock.advance(1_000);
    const empty = async function* () {};
    await batch.upload('n', empty(), {});
    expect(asked).toEqual(['look', 'findFiles', 'upload']);
    expect(provider.state()).toBe('available');
  });

  test('that the key is not allowed to make hold up nothing else, and refusals count as answers', async () => {
    fault = wrongKey(403);
    expect(await codeOf(submit())).toBe('PROVIDER_AUTH');
    expect(provider.state()).toBe('available');
    for (let times = 0; times < 2; times += 1) {
      fault = failing(503);
      await codeOf(look());
      await provider.clock.advance(5_000);
      fault = new SynclineError('BATCH_REFUSED', 'Too large.');
      await codeOf(submit());
    }
    fault = failing(503);
    await codeOf(look());
    expect(provider.state()).toBe('throttled');
  });

  test('whose results break off count as failed', async () => {
    fault = wrongKey();
    const read = async (): Promise<void> => {
      for await (const _ of batch.results(JOB, () => 1, {})) expect(provider.state()).toBe('available');
    };
    expect(await codeOf(read())).toBe('PROVIDER_AUTH');
    expect(provider.state()).toBe('unavailable');
  });
});
