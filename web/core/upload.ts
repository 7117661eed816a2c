import { signal } from '@preact/signals';
import { ask, client, messageOf, paramOf } from './api.ts';
import { type ChosenFile, type NewDocument, readFile } from './read-files.ts';
import { touchDataset } from './store.ts';

/** Files on their way into a dataset. */
export interface Upload {
  readonly address: string;
  readonly fileCount: number;
  readonly readCount: number;
  readonly sentCount: number;
  /** When the last of them had been taken in, on the page's clock. */
  readonly sentAtMs: number;
  /** Files, and documents of files, that were left out, with the reason. */
  readonly leftOut: readonly { readonly name: string; readonly reason: string }[];
  readonly unchangedCount: number;
  readonly state: 'sending' | 'sent' | 'failed';
  readonly problem?: string;
}

/** The upload of now, or the last one; it goes on while other pages are shown. */
export const upload = signal<Upload | undefined>(undefined);

/** What one request carries: so that memory is bounded, and the first are searchable while others are read. */
const DOCUMENTS_PER_REQUEST = 100;
const CHARACTERS_PER_REQUEST = 2_000_000;

/** Reads files, and has them taken in. */
export async function sendFiles(address: string, files: readonly ChosenFile[]): Promise<void> {
  upload.value = {
    address,
    fileCount: files.length,
    readCount: 0,
    sentCount: 0,
    sentAtMs: 0,
    leftOut: [],
    unchangedCount: 0,
    state: 'sending',
  };
  try {
    let waiting: NewDocument[] = [];
    let length = 0;
    for (const chosen of files) {
      const read = await readFile(chosen);
      if (typeof read === 'string') leaveOut(chosen.path, read);
      else waiting.push(...read);
      length += typeof read === 'string' ? 0 : read.reduce((sum, { content }) => sum + content.length, 0);
      change(({ readCount }) => ({ readCount: readCount + 1 }));
      if (waiting.length < DOCUMENTS_PER_REQUEST && length < CHARACTERS_PER_REQUEST) continue;
      await send(address, waiting);
      waiting = [];
      length = 0;
    }
    await send(address, waiting);
    change(() => ({ state: 'sent' }));
  } catch (error) {
    change(() => ({ state: 'failed', problem: messageOf(error) }));
  }
  touchDataset(address);
}

async function send(address: string, documents: readonly NewDocument[]): Promise<void> {
  const route = client.value.v1.datasets[':project'][':dataset'].documents;
  // A file of lines may hold more than one request takes.
  for (let from = 0; from < documents.length; from += 1_000) {
    const part = documents.slice(from, from + 1_000);
    const answer = await ask(
      route.$post({ param: paramOf(address), query: {}, json: { documents: [...part] } }),
    );
    for (const { key, detail } of answer.refused) leaveOut(key, detail);
    change(({ sentCount, unchangedCount }) => ({
      sentCount: sentCount + answer.readCount - answer.refusedCount,
      sentAtMs: performance.now(),
      unchangedCount: unchangedCount + answer.unchangedCount,
    }));
    touchDataset(address);
  }
}

function leaveOut(name: string, reason: string): void {
  change(({ leftOut }) => ({ leftOut: [...leftOut, { name, reason }] }));
}

function change(how: (present: Upload) => Partial<Upload>): void {
  const present = upload.peek();
  if (present !== undefined) upload.value = { ...present, ...how(present) };
}
