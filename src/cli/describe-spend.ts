import type { HeldDataset, LeaseHolder, SpendStatus } from '../index.ts';
import { formatCount, formatTime, formatUsd } from './format-values.ts';

/** Names of one line; the others are counted. */
const NAMES_MAX = 5;

/** What was spent today, where that is capped, and what becomes of work that would pass a cap. */
export function capLines({ usdPerDayMax, usdPerRunMax, spentTodayUsd }: SpendStatus): string[] {
  const spent = formatUsd(spentTodayUsd);
  return [
    ...(usdPerDayMax === undefined
      ? []
      : [
          `${spent} of the ${formatUsd(usdPerDayMax)} that today (UTC) may cost; work that would pass it waits for tomorrow, or for a larger spend.usdPerDayMax`,
        ]),
    ...(usdPerRunMax === undefined
      ? []
      : [
          `${usdPerDayMax === undefined ? `${spent} today (UTC); ` : ''}a run may cost ${formatUsd(usdPerRunMax)}, and waits there until it is begun again ("syncline index"), or for a larger spend.usdPerRunMax`,
        ]),
  ];
}

/** Each cap that was reached: which, who waits because of it, and how that goes on. */
export function reachedLines(held: readonly HeldDataset[], worker: LeaseHolder | null | undefined): string[] {
  const byCap = Map.groupBy(held, ({ cap, usdMax }) => `${cap} ${usdMax}`);
  return [...byCap.values()].map((datasets) => {
    const [first] = datasets;
    if (first === undefined) return '';
    const { cap, usdMax, spentUsd, reachedAtMs } = first;
    const waits = datasets.length === 1 ? 'waits' : 'wait';
    const spent = `${formatUsd(spentUsd)} spent or under way at ${formatTime(reachedAtMs)}`;
    return `SPEND_CAP_REACHED: the cap of ${formatUsd(usdMax)} a ${cap}${cap === 'day' ? ' (UTC)' : ''} is reached (${spent}); ${namesOf(datasets)} ${waits}. ${goesOn(first, worker ?? undefined)}`;
  });
}

function namesOf(datasets: readonly HeldDataset[]): string {
  const names = datasets.slice(0, NAMES_MAX).map(({ address }) => address);
  const more = datasets.length - names.length;
  return `${names.join(', ')}${more > 0 ? ` and ${formatCount(more)} more` : ''}`;
}

function goesOn({ address, cap, untilMs }: HeldDataset, worker: LeaseHolder | undefined): string {
  const setting = cap === 'day' ? 'spend.usdPerDayMax' : 'spend.usdPerRunMax';
  const until = untilMs === undefined ? '' : formatTime(untilMs);
  if (worker === undefined) {
    const index = `"syncline index ${address}"`;
    return cap === 'day'
      ? `To go on: ${index} from ${until} on, or now with a larger ${setting}.`
      : `To go on: ${index}, which is another run, or with a larger ${setting}.`;
  }
  const larger = `a larger cap: in the dashboard, by PUT /v1/spend, or ${setting} and a restart of the worker`;
  return cap === 'day'
    ? `Goes on by itself at ${until}, or now with ${larger}.`
    : `Goes on when it is resumed or indexed again, in the dashboard or over HTTP (POST /v1/datasets/${address}/index), or with ${larger}.`;
}
