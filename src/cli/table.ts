import { displayWidth } from './display-width.ts';

/** A column of {@link formatTable}. */
export interface TableColumn {
  readonly heading: string;
  readonly align: 'left' | 'right';
  /** Longer cells push only their own line aside. Default: every line is as wide as the longest cell. */
  readonly widthMax?: number;
}

/** Rows under headings, two spaces between columns, no space at the ends of lines. */
export function formatTable(
  columns: readonly TableColumn[],
  rows: readonly (readonly string[])[],
  styleHeading: (text: string) => string,
): string[] {
  const widths = columns.map(({ heading, widthMax = Number.POSITIVE_INFINITY }, index) =>
    Math.min(widthMax, Math.max(displayWidth(heading), ...rows.map((row) => displayWidth(row[index] ?? '')))),
  );
  const toLine = (cells: readonly string[]): string =>
    columns
      .map(({ align }, index) => {
        const cell = cells[index] ?? '';
        const padding = ' '.repeat(Math.max(0, (widths[index] ?? 0) - displayWidth(cell)));
        return align === 'left' ? cell + padding : padding + cell;
      })
      .join('  ')
      .trimEnd();
  return [styleHeading(toLine(columns.map(({ heading }) => heading))), ...rows.map(toLine)];
}
