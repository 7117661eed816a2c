import type { JSX } from 'preact';

/** What an installation without any dataset shows. */
export function FirstRun(): JSX.Element {
  return <h1>Add your first files</h1>;
}
