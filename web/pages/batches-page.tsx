import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { attempt, beginTask, confirm, tellEnd } from '../core/actions.ts';
import { ask, client } from '../core/api.ts';
import { formatCount, formatUsd, plural } from '../core/format.ts';
import { onLive } from '../core/live.ts';
import { usePages } from '../core/load.ts';
import { datasetLink } from '../core/router.ts';
import { toastDone, toastFailed, toastNote } from '../core/toasts.ts';
import type { BatchJob, BatchRun } from '../core/types.ts';
import { Bar } from '../ui/bar.tsx';
import { Button, WriteOnly } from '../ui/controls.tsx';
import { ListEnd } from '../ui/more.tsx';
import { Ago, Badge, type Tone } from '../ui/parts.tsx';

const REFRESH_MS = 5_000;

const TONES: Readonly<Record<BatchJob['status'], Tone>> = {
  created: 'busy',
  submitted: 'busy',
  processing: 'busy',
  completed: 'ok',
  failed: 'bad',
  expired: 'warn',
  cancelled: 'still',
};

const OPEN: ReadonlySet<BatchJob['status']> = new Set(['created', 'submitted', 'processing']);

/** Work that was handed to providers at half price. */
export function BatchesPage(): JSX.Element {
  const pages = usePages<BatchJob>(
    (after) => ask(client.value.v1.batches.$get({ query: after === undefined ? {} : { after } })),
    [],
  );
  useEffect(() => {
    document.title = 'Batch jobs · Syncline';
    const timer = setInterval(() => {
      if (!document.hidden && pages.items.peek()?.some(({ status }) => OPEN.has(status))) void pages.reload();
    }, REFRESH_MS);
    const stop = onLive(({ type, data }) => {
      if (type === 'snapshot' || String(data.type ?? data.actorId).startsWith('batch')) void pages.reload();
    });
    return () => {
      clearInterval(timer);
      stop();
    };
  }, []);
  const jobs = pages.items.value ?? [];
  return (
    <>
      <div class="page-head">
        <h1>Batch jobs</h1>
        <WriteOnly>
          <div class="actions">
            <Button onPress={() => flush().then(pages.reload)}>Submit what waits…</Button>
            <Button onPress={() => look().then(pages.reload)}>Look at all now</Button>
          </div>
        </WriteOnly>
      </div>
      {jobs.length > 0 && (
        <table class="table stack">
          <thead>
            <tr>
              <th scope="col">Job</th>
              <th scope="col">Dataset</th>
              <th scope="col">State</th>
              <th scope="col">Progress</th>
              <th scope="col" class="number">
                Texts
              </th>
              <th scope="col">Created</th>
              <th scope="col">Expected by</th>
              <th scope="col" class="number">
                Cost
              </th>
              <th scope="col" class="number">
                Saved
              </th>
              <th scope="col">
                <span class="hidden">What can be done</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {jobs.map((job) => (
              <JobRow key={job.id} job={job} reload={pages.reload} />
            ))}
          </tbody>
        </table>
      )}
      <ListEnd
        pages={pages}
        empty="There is no batch job. A dataset whose policy asks for them, or “Submit what waits”, makes them."
      />
    </>
  );
}

function JobRow({
  job,
  reload,
}: {
  readonly job: BatchJob;
  readonly reload: () => Promise<void>;
}): JSX.Element {
  const { id, dataset, status, asked, textCount, storedCount, refusedCount, failure, costUsd, savedUsd } =
    job;
  const waiting = Math.max(0, textCount - storedCount - refusedCount - job.releasedCount);
  return (
    <tr>
      <th scope="row">#{id}</th>
      <td data-label="Dataset">
        {dataset === undefined ? <span class="muted">–</span> : <a href={datasetLink(dataset)}>{dataset}</a>}
      </td>
      <td data-label="State">
        <Badge tone={TONES[status]}>{status}</Badge>
        {asked !== undefined && <span class="muted"> {asked === 'cancel' ? 'ends' : 'is pulled back'}</span>}
        {failure !== undefined && (
          <div class="problem">
            {failure.detail} <code>{failure.code}</code>
          </div>
        )}
      </td>
      <td data-label="Progress">
        <Bar
          label={`Job ${id}`}
          parts={[
            { name: 'stored', count: storedCount, tone: 'ok' },
            { name: 'waiting', count: waiting, tone: 'wait' },
            { name: 'refused', count: refusedCount, tone: 'bad' },
          ]}
        />
      </td>
      <td data-label="Texts" class="number">
        {formatCount(textCount)}
      </td>
      <td data-label="Created">
        <Ago at={job.createdAt} />
      </td>
      <td data-label="Expected by">
        <Ago at={OPEN.has(status) ? job.expectedAt : undefined} />
      </td>
      <td data-label="Cost" class={costUsd === undefined ? 'number none' : 'number'}>
        {costUsd === undefined ? '–' : formatUsd(costUsd)}
      </td>
      <td data-label="Saved" class={savedUsd === undefined ? 'number none' : 'number'}>
        {savedUsd === undefined ? '–' : formatUsd(savedUsd)}
      </td>
      <td class="end">
        {OPEN.has(status) && asked === undefined && (
          <WriteOnly>
            <div class="actions">
              <Button onPress={() => end(job, 'pull-back').then(reload)} label={`Embed job ${id} directly`}>
                Embed directly
              </Button>
              <Button onPress={() => end(job, 'cancel').then(reload)} label={`Cancel job ${id}`}>
                Cancel
              </Button>
            </div>
          </WriteOnly>
        )}
      </td>
    </tr>
  );
}

async function flush(): Promise<void> {
  const isSure = await confirm({
    title: 'Submit what waits?',
    text: 'Pending texts of all datasets whose policy allows it go into batch jobs, at half price, answered within a day.',
    action: 'Submit',
  });
  if (!isSure) return;
  const { flush: route } = client.value.v1.batches;
  await beginTask(
    'Submitting',
    () => ask(route.$post({ query: { wait: '10' }, json: {} })),
    (what, run) => {
      if (!tellFailures(what, run)) return;
      if (run.jobs?.length === 0)
        toastNote(
          'Nothing was submitted: no text waits that its policy and its provider allow in a batch job.',
        );
      else tellRun(what, run);
    },
  );
}

async function look(): Promise<void> {
  const { sync } = client.value.v1.batches;
  await beginTask(
    'Looking at the jobs',
    () => ask(sync.$post({ query: { wait: '10' } })),
    (what, run) => {
      if (tellFailures(what, run)) tellRun(what, run);
    },
  );
}

/** Whether there were none. */
function tellFailures(what: string, { failures = [] }: BatchRun): boolean {
  for (const { detail, dataset } of failures)
    toastFailed(dataset === undefined ? what : `${what} ${dataset}`, new Error(detail));
  return failures.length === 0;
}

function tellRun(what: string, run: BatchRun): void {
  if (run.jobs === undefined) tellEnd(what, run);
  else toastDone(`${plural(run.jobs.length, 'job')} made or looked at.`);
}

async function end({ id }: BatchJob, how: 'cancel' | 'pull-back'): Promise<void> {
  const isSure = await confirm({
    title: how === 'cancel' ? `Cancel job ${id}?` : `Embed job ${id} directly?`,
    text:
      how === 'cancel'
        ? 'What is done by then is stored and paid for; the rest waits for another job.'
        : 'What is done by then is stored and paid for; the rest is embedded directly, at the full price, once the job is over.',
    action: how === 'cancel' ? 'Cancel the job' : 'Embed directly',
    isDanger: true,
  });
  if (!isSure) return;
  const route = client.value.v1.batches[':id'][how];
  await attempt(`Ending job ${id}`, () => ask(route.$post({ param: { id: String(id) } })));
}
