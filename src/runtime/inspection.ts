import { getLogger } from '@logtape/logtape';
import type { InspectionEvent } from 'xstate';

export type InspectionListener = (event: InspectionEvent) => void;

/** What XState tells of every actor of a runtime: of the supervisor with its children, and of those that calls use. */
export interface Inspection {
  /** Given to each root actor as its `inspect`. Costs nothing while nobody listens. */
  readonly next: (event: InspectionEvent) => void;
  /** Returns the function that ends the subscription. A listener that throws is logged and hurts nobody. */
  on(listener: InspectionListener): () => void;
}

const logger = getLogger(['syncline']);

export function createInspection(): Inspection {
  const listeners = new Set<InspectionListener>();
  return {
    next(event) {
      for (const listener of listeners) {
        try {
          listener(event);
        } catch (error) {
          logger.error('A listener of {type} threw: {error}', { type: event.type, error });
        }
      }
    },
    on(listener) {
      // Of its own identity: the same function may listen twice.
      const own: InspectionListener = (event) => listener(event);
      listeners.add(own);
      return () => listeners.delete(own);
    },
  };
}
