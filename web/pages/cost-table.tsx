import type { JSX } from 'preact';
import { formatCompact, formatCount, formatUsd } from '../core/format.ts';
import type { CostEntry } from '../core/types.ts';

/** Sums of costs, one a line. Where no price is known, that is said, and not a zero. */
export function CostTable({
  title,
  entries,
  nameOf,
}: {
  readonly title: string;
  readonly entries: readonly CostEntry[];
  readonly nameOf: (entry: CostEntry) => JSX.Element | string;
}): JSX.Element {
  return (
    <table class="table stack">
      <thead>
        <tr>
          <th scope="col">{title}</th>
          <th scope="col" class="number">
            Cost
          </th>
          <th scope="col" class="number">
            Requests
          </th>
          <th scope="col" class="number">
            Texts
          </th>
          <th scope="col" class="number">
            Tokens
          </th>
          <th scope="col" class="number">
            Texts reused
          </th>
          <th scope="col" class="number">
            Saved
          </th>
        </tr>
      </thead>
      <tbody>
        {entries.map((entry) => (
          <tr key={[entry.day, entry.dataset, entry.profile, entry.mode].join(' ')}>
            <th scope="row">{nameOf(entry)}</th>
            <td data-label="Cost" class="number">
              {usdOrNot(entry.costUsd)}
            </td>
            <td data-label="Requests" class="number">
              {formatCount(entry.requestCount)}
            </td>
            <td data-label="Texts" class="number">
              {formatCount(entry.textCount)}
            </td>
            <td data-label="Tokens" class="number">
              {formatCompact(entry.tokenCount)}
            </td>
            <td data-label="Texts reused" class="number">
              {formatCount(entry.reusedTextCount)}
            </td>
            <td data-label="Saved" class="number">
              {usdOrNot(entry.savedUsd)}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function usdOrNot(usd: number | undefined): JSX.Element | string {
  return usd === undefined ? <span class="muted">no price</span> : formatUsd(usd);
}
