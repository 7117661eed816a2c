import type { DocumentInput } from '../domain/document.ts';
import type { FileSelection } from '../readers/file-rules.ts';
import { readDocuments } from '../readers/read-documents.ts';
import type { SkippedFiles } from '../readers/read-result.ts';
import { abortable } from './abortable.ts';
import type { Output } from './output.ts';
import { formatProblem, type Problem } from './problem.ts';

/** Problems that a result lists; all are counted and told on stderr. */
const PROBLEMS_LISTED_MAX = 100;

/** What was met while reading, besides documents. */
export interface InputReport {
  unreadableCount: number;
  /** The first 100 problems, of reading and of taking in. */
  readonly problems: Problem[];
  skippedFiles: SkippedFiles;
}

export function createInputReport(): InputReport {
  return { unreadableCount: 0, problems: [], skippedFiles: { count: 0, byExtension: {} } };
}

/** Tells a problem on stderr and lists it. */
export function noteProblem(report: InputReport, output: Output, problem: Problem): void {
  if (report.problems.length < PROBLEMS_LISTED_MAX) report.problems.push(problem);
  output.problem(formatProblem(problem));
}

/** The documents of the paths, one at a time; whatever cannot be read goes to the report and to stderr. */
export async function* readInput(
  paths: readonly string[],
  { source, ...selection }: FileSelection & { readonly source?: string },
  report: InputReport,
  output: Output,
  signal: AbortSignal,
): AsyncGenerator<DocumentInput, void, undefined> {
  for await (const result of abortable(readDocuments(paths, { ...selection, signal }), signal)) {
    if ('document' in result) {
      const { document, note } = result;
      if (note !== undefined) output.note(note);
      yield source === undefined || document.source !== undefined ? document : { ...document, source };
    } else if ('problem' in result) {
      const { problem, path, line } = result;
      report.unreadableCount += 1;
      const { code, message } = problem;
      noteProblem(report, output, { code, message, path, ...(line === undefined ? {} : { line }) });
    } else report.skippedFiles = result.skipped;
  }
}
