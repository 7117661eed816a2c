import { expect, test } from 'bun:test';
import { createAnswerPace } from '../../src/catalog/local/answer-pace.ts';

test('what follows from many answers is done in their order, and others get a turn in between', async () => {
  const pace = createAnswerPace();
  const log: string[] = [];
  const done = Promise.withResolvers<void>();
  /** Far more than a turn is to be used for, also on the fastest machine. */
  const work = (name: string): void => {
    const startMs = performance.now();
    while (performance.now() - startMs < 6);
    log.push(name);
  };
  const answered = Promise.withResolvers<void>();
  pace(() => {
    answered.resolve();
    setImmediate(() => log.push('another'));
  });
  // What an answer sets off counts as well.
  void answered.promise.then(() => work('first'));
  pace(() => work('second'));
  pace(() => {
    work('third');
    done.resolve();
  });
  expect(log).toEqual([]);
  await done.promise;
  expect(log).toEqual(['first', 'another', 'second', 'third']);
});
