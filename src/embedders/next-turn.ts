import { setImmediate } from 'node:timers';

/** Lets the event loop serve whatever waits (timers, sockets) before the caller goes on. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(() => resolve());
  });
}
