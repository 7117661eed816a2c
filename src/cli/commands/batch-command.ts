import { type Command, Option } from 'commander';
import type { BatchJob, BatchRunResult, Syncline } from '../../index.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { countOf, formatCount, formatDuration, formatTime } from '../format-values.ts';
import { parseCount } from '../parse-arguments.ts';
import { printable } from '../printable.ts';
import { refuseDeclared } from '../refuse-declared.ts';
import { requireCatalog } from '../require-catalog.ts';
import type { CommandContext, RunCommand } from '../run-command.ts';
import { formatTable } from '../table.ts';

const PAGE_LENGTH = 100;

const HELP = `
Examples:
  syncline batch policy archive/mails always     its texts go to batch jobs, at half the price
  syncline batch flush                           put what waits into jobs, and submit them
  syncline batch sync                            bring in what came back, and make it searchable
  syncline batch list
  syncline batch pull-back 12                    the rest of job 12 is embedded directly
`;

/** The examples at the end of a help. */
function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}\n`).join('')}`;
}

const COLUMNS = [
  { heading: 'JOB', align: 'right' },
  { heading: 'DATASET', align: 'left' },
  { heading: 'STATUS', align: 'left' },
  { heading: 'TEXTS', align: 'right' },
  { heading: 'DONE', align: 'right' },
  { heading: 'AGE', align: 'right' },
  { heading: 'SAVED', align: 'right' },
] as const;

export function addBatchCommand(program: Command, run: RunCommand): void {
  const batch = program
    .command('batch')
    .summary("hand work to a provider's batch API, at half the price")
    .description(
      'Lists, submits, collects and ends batch jobs: work that providers do at half the price within a day. A worker ("serve") does all of that by itself, by the policies of the datasets.',
    )
    .addHelpText('after', HELP);
  addListCommands(batch, run);
  addWorkCommands(batch, run);
  addPolicyCommand(batch, run);
}

function addListCommands(batch: Command, run: RunCommand): void {
  batch
    .command('list')
    .summary('list jobs, newest first')
    .description('Lists batch jobs, newest first, as they were last seen at their provider.')
    .option('-n, --limit <number>', 'most jobs to list', parseCount, PAGE_LENGTH)
    .addHelpText('after', examples('syncline batch list', 'syncline batch list --limit 10 --json'))
    .action(({ limit }: { readonly limit: number }, command: Command) =>
      run(command, (context) =>
        context.withRuntime('readOnly', (runtime) => listJobs(context, runtime, limit)),
      ),
    );
  batch
    .command('show')
    .summary('show one job')
    .description('Shows a batch job with everything that is known of it.')
    .argument('<job>', 'number of the job', parseCount)
    .addHelpText('after', examples('syncline batch show 12', 'syncline batch show 12 --json'))
    .action((batchJobId: number, _options: object, command: Command) =>
      run(command, (context) =>
        context.withRuntime('readOnly', async (runtime) =>
          showJob(context, await runtime.batch.get(batchJobId)),
        ),
      ),
    );
}

function addWorkCommands(batch: Command, run: RunCommand): void {
  batch
    .command('flush')
    .summary('put what waits into jobs, and submit them')
    .description(
      'Puts pending texts into batch jobs and submits those, without waiting for more texts or for results.',
    )
    .argument(
      '[datasets...]',
      'these datasets, whatever their policy; default: all whose policy is not "never"',
    )
    .addHelpText(
      'after',
      examples('syncline batch flush', 'syncline batch flush archive/mails   whatever its policy'),
    )
    .action((datasets: string[], _options: object, command: Command) =>
      run(command, (context) =>
        context.withRuntime('change', async (runtime) => {
          const { signal } = context;
          const named = datasets.length === 0 ? {} : { datasets };
          return tellRun(context, await runtime.batch.flush({ ...named, signal }));
        }),
      ),
    );
  batch
    .command('sync')
    .summary('bring in what came back')
    .description(
      'Looks at every unfinished batch job once: stores what came back and makes it searchable, submits what has room now.',
    )
    .addHelpText('after', examples('syncline batch sync', 'syncline batch sync --json'))
    .action((_options: object, command: Command) =>
      run(command, (context) =>
        context.withRuntime('change', async (runtime) =>
          tellRun(context, await runtime.batch.sync({ signal: context.signal })),
        ),
      ),
    );
  for (const [name, does, method] of [
    ['cancel', 'the rest waits for another job', 'cancel'],
    ['pull-back', 'the rest is embedded directly', 'pullBack'],
  ] as const) {
    batch
      .command(name)
      .summary(`end a job; ${does}`)
      .description(
        `Asks for the end of a batch job. What was done by then is stored; ${does} once the provider says that it is over.`,
      )
      .argument('<job>', 'number of the job', parseCount)
      .addHelpText('after', examples(`syncline batch ${name} 12`))
      .action((batchJobId: number, _options: object, command: Command) =>
        run(command, (context) =>
          context.withRuntime('change', async (runtime) =>
            showJob(context, await runtime.batch[method](batchJobId)),
          ),
        ),
      );
  }
}

interface PolicyOptions {
  readonly minBatchSize?: number;
  readonly maxWait?: number;
}

function addPolicyCommand(batch: Command, run: RunCommand): void {
  batch
    .command('policy')
    .summary('show or change where the texts of a dataset go')
    .description('Shows whether, and how, the texts of a dataset go to batch jobs, or changes that.')
    .argument('<dataset>', 'project/dataset')
    .argument('[mode]', 'never, auto or always')
    .addOption(
      new Option('--min-batch-size <number>', 'texts that make a job worth while').argParser(parseCount),
    )
    .addOption(
      new Option('--max-wait <seconds>', 'how long texts wait at most for others').argParser(parseCount),
    )
    .addHelpText(
      'after',
      examples(
        'syncline batch policy archive/mails',
        'syncline batch policy archive/mails auto --min-batch-size 5000 --max-wait 600',
      ),
    )
    .action((address: string, mode: string | undefined, options: PolicyOptions, command: Command) =>
      run(command, async (context) => {
        const changes = {
          ...(mode !== undefined && { mode: mode as 'never' }),
          ...(options.minBatchSize !== undefined && { minBatchSize: options.minBatchSize }),
          ...(options.maxWait !== undefined && { maxWaitMs: options.maxWait * 1_000 }),
        };
        const isChange = Object.keys(changes).length > 0;
        if (isChange)
          await refuseDeclared(context, address, 'The batch policy', ({ batch }) => batch !== undefined);
        return context.withRuntime(isChange ? 'change' : 'readOnly', async (runtime) => {
          const dataset = runtime.dataset(address);
          const policy = isChange ? await dataset.setBatchPolicy(changes) : await dataset.batchPolicy();
          const { mode: now, minBatchSize, maxWaitMs } = policy;
          const { output } = context;
          output.answer(
            `${address}: ${now}, ${countOf(minBatchSize, 'text')} for a job, waiting ${formatDuration(maxWaitMs)} at most`,
          );
          output.value({ dataset: address, ...policy });
          return EXIT.ok;
        });
      }),
    );
}

async function listJobs({ output }: CommandContext, runtime: Syncline, limit: number): Promise<ExitCode> {
  await requireCatalog(runtime);
  const jobs: BatchJob[] = [];
  let after: string | undefined;
  do {
    const page = await runtime.batch.list({
      limit: Math.min(PAGE_LENGTH, limit - jobs.length),
      ...(after && { after }),
    });
    jobs.push(...page.items);
    after = page.next;
  } while (after !== undefined && jobs.length < limit);
  tellJobs(output, jobs);
  output.value({ jobs });
  if (jobs.length === 0) output.note('There are no batch jobs.');
  return EXIT.ok;
}

function tellJobs(output: CommandContext['output'], jobs: readonly BatchJob[]): void {
  if (jobs.length === 0) return;
  for (const line of formatTable(COLUMNS, jobs.map(rowOf), (text) => text)) output.answer(line);
}

function rowOf(job: BatchJob): string[] {
  const { progress } = job;
  const done =
    job.finishedAtMs !== undefined
      ? formatCount(job.storedCount)
      : progress === undefined || progress.total === 0
        ? '-'
        : `${Math.floor((100 * progress.completed) / progress.total)} %`;
  return [
    String(job.batchJobId),
    job.address ?? '-',
    job.asked === undefined || job.finishedAtMs !== undefined ? job.status : `${job.status} (ending)`,
    formatCount(job.textCount),
    done,
    formatDuration(job.ageMs),
    job.savedUsd === undefined ? '-' : `$${job.savedUsd.toFixed(4)}`,
  ];
}

function showJob({ output }: CommandContext, job: BatchJob): ExitCode {
  const times = {
    created: job.createdAtMs,
    submitted: job.submittedAtMs,
    expected: job.expectedAtMs,
    finished: job.finishedAtMs,
  };
  output.answer(`Batch job ${job.batchJobId} (${job.name}): ${job.status}`);
  output.answer(`  dataset: ${job.address ?? 'gone'}, ${job.profile}`);
  output.answer(
    `  ${countOf(job.textCount, 'text')} in ${countOf(job.requestCount, 'request')}: ${formatCount(job.storedCount)} stored, ${formatCount(job.refusedCount)} refused, ${formatCount(job.releasedCount)} waiting again`,
  );
  if (job.externalId !== undefined) {
    const counts =
      job.progress && `: ${job.progress.state}, ${job.progress.completed} of ${job.progress.total}`;
    output.answer(`  at the provider ${printable(job.externalId)}${counts ?? ''}`);
  }
  for (const [name, atMs] of Object.entries(times))
    if (atMs !== undefined) output.answer(`  ${name}: ${formatTime(atMs)}`);
  if (job.savedUsd !== undefined)
    output.answer(`  cost $${job.costUsd?.toFixed(4)}, saved $${job.savedUsd.toFixed(4)}`);
  if (job.error !== undefined) output.answer(`  ${printable(job.error)}`);
  output.value(job);
  return EXIT.ok;
}

function tellRun({ output }: CommandContext, { jobs, failures }: BatchRunResult): ExitCode {
  tellJobs(output, jobs);
  for (const { batchJobId, address, code, message } of failures)
    output.note(
      `${batchJobId === undefined ? address : `Job ${batchJobId}`}: ${code}: ${printable(message)}`,
    );
  output.value({ jobs, failures });
  if (jobs.length === 0) output.note('No batch job is under way.');
  return failures.length === 0 ? EXIT.ok : EXIT.failed;
}
