import { type Command, Option } from 'commander';
import type { Filter } from '../../domain/filter.ts';
import type { SearchMode, SearchOptions, SearchResult } from '../../index.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import type { Output } from '../output.ts';
import { parseCount, parseFilterJson } from '../parse-arguments.ts';
import { printable } from '../printable.ts';
import type { CommandContext, RunCommand } from '../run-command.ts';
import { chooseTarget, searchTarget } from '../search-target.ts';
import { snippetLines } from '../snippet.ts';
import { wrapText } from '../wrap-text.ts';

interface SearchCommandOptions {
  readonly dataset?: string;
  readonly project?: string;
  readonly limit: number;
  readonly mode: SearchMode;
  readonly filter?: Filter;
  readonly exact?: boolean;
}

const SNIPPET_LINES_MAX = 4;
const INDENT = '    ';

const HELP = `
Works while another process serves or adds. Without --dataset and --project it searches the only project there is.

Scores: "hybrid" (fused ranks), "vector" (cosine similarity), "text" (BM25). Higher is better; scores of different
searches cannot be compared. --json gives whole passages with their offsets, metadata and all scores.

Examples:
  syncline search how do I validate a request body
  syncline search "rate limit" --dataset site/docs --limit 3
  syncline search invoice --project shop --mode text
  syncline search shoes --dataset shop/products --filter '{"op":"lt","field":"price","value":100}'
`;

export function addSearchCommand(program: Command, run: RunCommand): void {
  program
    .command('search')
    .summary('find passages')
    .description('Finds the passages that fit a query best, by words and by meaning.')
    .argument('<query...>', 'what to look for')
    .addOption(new Option('-d, --dataset <address>', 'project/dataset to search').conflicts('project'))
    .addOption(new Option('-p, --project <name>', 'search all datasets of a project'))
    .option('-n, --limit <number>', 'most passages to give', parseCount, 10)
    .addOption(
      new Option('--mode <mode>', 'by meaning, by words, or both')
        .choices(['hybrid', 'vector', 'text'])
        .default('hybrid'),
    )
    .option(
      '--exact',
      'compare with every vector; a large dataset is asked through its vector index otherwise',
    )
    .option(
      '--filter <json>',
      'only documents that fit, such as {"op":"eq","field":"key","value":"a.md"}; see docs/searching.md',
      parseFilterJson,
    )
    .addHelpText('after', HELP)
    .action((words: string[], options: SearchCommandOptions, command: Command) =>
      run(command, (context) => search(context, words.join(' '), options)),
    );
}

function search(context: CommandContext, query: string, options: SearchCommandOptions): Promise<ExitCode> {
  const { output, signal } = context;
  const { limit, mode, filter, exact = false } = options;
  const searchOptions: SearchOptions = { limit, mode, exact, signal, ...(filter && { filter }) };
  return context.withRuntime('readOnly', async (runtime) => {
    const target = await chooseTarget(runtime, options);
    const results = await searchTarget(runtime, target, query, searchOptions);
    output.value({ query, mode, ...target, results });
    results.forEach((result, index) => {
      if (index > 0) output.answer('');
      for (const line of resultLines(result, index + 1, query, output)) output.answer(line);
    });
    if (results.length === 0) {
      const where = 'dataset' in target ? target.dataset : `project ${target.project}`;
      output.note(
        `Nothing found in ${where}. Try other words, or see with "syncline status" whether work waits.`,
      );
    }
    return EXIT.ok;
  });
}

function resultLines(result: SearchResult, rank: number, query: string, output: Output): string[] {
  const { style } = output;
  const columns = output.columns - INDENT.length;
  const source = result.source === 'default' ? '' : ` (${printable(result.source)})`;
  const score = style.dim(result.score.toFixed(4));
  const head = `${String(rank).padStart(2)}. ${style.bold(printable(result.key))}${source}  ${result.dataset}  ${score}`;
  const context = wrapText(printable(result.context.replaceAll(/\s*\n\s*/g, ' › ')), columns);
  const snippet = snippetLines(result.text, {
    query,
    columns,
    linesMax: SNIPPET_LINES_MAX,
    mark: style.mark,
  });
  return [head, ...context.map((line) => INDENT + style.dim(line)), ...snippet.map((line) => INDENT + line)];
}
