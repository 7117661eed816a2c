import { signal } from '@preact/signals';
import { ask, client, keyHeader, messageOf, paramOf } from './api.ts';
import { type ChosenFile, readFile } from './read-files.ts';
import { touchDataset } from './store.ts';

/** Files on their way into a dataset. */
export interface Upload {
  readonly address: string;
  readonly fileCount: number;
  readonly readCount: number;
  readonly sentCount: number;
  /** When the last of them had been taken in, on the page's clock. */
  readonly sentAtMs: number;
  readonly unchangedCount: number;
  /** Files that are not read here. */
  readonly skippedCount: number;
  /** Documents, and lines of files, that the server did not take. */
  readonly refusedCount: number;
  /** The first of both, with the reason. */
  readonly leftOut: readonly { readonly name: string; readonly reason: string }[];
  readonly state: 'sending' | 'sent' | 'failed';
  readonly problem?: string;
}

/** The upload of now, or the last one; it goes on while other pages are shown. */
export const upload = signal<Upload | undefined>(undefined);

/** What one request carries: so that memory is bounded, and the first are searchable while others are read. */
const DOCUMENTS_PER_REQUEST = 100;
const CHARACTERS_PER_REQUEST = 2_000_000;

/** Files and lines that are named where they were left out. */
const LEFT_OUT_NAMED = 20;

/** Reads files, and has them taken in. */
export async function sendFiles(address: string, files: readonly ChosenFile[]): Promise<void> {
  upload.value = {
    address,
    fileCount: files.length,
    readCount: 0,
    sentCount: 0,
    sentAtMs: 0,
    unchangedCount: 0,
    skippedCount: 0,
    refusedCount: 0,
    leftOut: [],
    state: 'sending',
  };
  try {
    let waiting: string[] = [];
    let length = 0;
    const sendWaiting = async (): Promise<void> => {
      if (waiting.length > 0) await send(address, waiting.join('\n'));
      waiting = [];
      length = 0;
    };
    for (const chosen of files) {
      const read = await readFile(chosen);
      if ('problem' in read) skip(chosen.path, read.problem);
      // As it is: the server tells of its lines by their numbers.
      else if ('lines' in read) await send(address, read.lines, chosen.path);
      else {
        const line = JSON.stringify(read.document);
        waiting.push(line);
        length += line.length;
      }
      change(({ readCount }) => ({ readCount: readCount + 1 }));
      if (waiting.length >= DOCUMENTS_PER_REQUEST || length >= CHARACTERS_PER_REQUEST) await sendWaiting();
    }
    await sendWaiting();
    change(() => ({ state: 'sent' }));
  } catch (error) {
    change(() => ({ state: 'failed', problem: messageOf(error) }));
  }
  touchDataset(address);
}

/** Sends documents, one a line: of those that are refused, no other is held back. */
async function send(address: string, lines: string, path = ''): Promise<void> {
  const route = client.value.v1.datasets[':project'][':dataset'].documents;
  const headers = { ...keyHeader(), 'Content-Type': 'application/x-ndjson' };
  const answer = await ask(
    route.$post({ param: paramOf(address), query: {}, json: lines }, { init: { body: lines, headers } }),
  );
  for (const { key, detail } of answer.refused)
    leaveOut(key === '' ? path : key, detail.replace('"the body", line', 'line'));
  change(({ sentCount, unchangedCount, refusedCount }) => ({
    sentCount: sentCount + answer.readCount - answer.refusedCount,
    sentAtMs: performance.now(),
    unchangedCount: unchangedCount + answer.unchangedCount,
    refusedCount: refusedCount + answer.refusedCount,
  }));
  touchDataset(address);
}

function skip(path: string, reason: string): void {
  change(({ skippedCount }) => ({ skippedCount: skippedCount + 1 }));
  leaveOut(path, reason);
}

function leaveOut(name: string, reason: string): void {
  change(({ leftOut }) => ({ leftOut: [...leftOut, { name, reason }].slice(0, LEFT_OUT_NAMED) }));
}

function change(how: (present: Upload) => Partial<Upload>): void {
  const present = upload.peek();
  if (present !== undefined) upload.value = { ...present, ...how(present) };
}
