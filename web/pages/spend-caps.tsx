import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { attempt } from '../core/actions.ts';
import { ask, client } from '../core/api.ts';
import { formatUsd } from '../core/format.ts';
import { useLoaded } from '../core/load.ts';
import { datasetLink } from '../core/router.ts';
import type { Spend } from '../core/types.ts';
import { Button, NumberField, WriteOnly } from '../ui/controls.tsx';
import { Ago, Empty, Fact, Notice } from '../ui/parts.tsx';

/** What may be spent, what was today, and who waits because of that. */
export function SpendCaps(): JSX.Element {
  const spend = useLoaded(() => ask(client.value.v1.spend.$get()), []);
  const found = spend.value.value;
  if (spend.problem.value !== undefined) return <Notice tone="bad">{spend.problem.value}</Notice>;
  if (found === undefined) return <Empty>Loading…</Empty>;
  return (
    <div class="card report">
      <dl class="facts">
        <Fact name="Spent today (UTC)">
          <span class="big">{formatUsd(found.spentTodayUsd)}</span>
        </Fact>
        <Fact name="At most a day">{capText(found.usdPerDayMax)}</Fact>
        <Fact name="At most a run">{capText(found.usdPerRunMax)}</Fact>
      </dl>
      {found.held.map(({ address, cap, usdMax, until }) => (
        <Notice key={address} tone="bad">
          <a href={datasetLink(address)}>{address}</a> waits: it reached the cap of {formatUsd(usdMax)} a{' '}
          {cap}.
          {until === undefined ? (
            ' It goes on when it is resumed, or with another cap.'
          ) : (
            <>
              {' '}
              It goes on <Ago at={until} />.
            </>
          )}
        </Notice>
      ))}
      <WriteOnly>
        <CapsForm spend={found} reload={spend.reload} />
      </WriteOnly>
    </div>
  );
}

function capText(usd: number | undefined): string {
  return usd === undefined ? 'no cap' : formatUsd(usd);
}

function CapsForm({
  spend,
  reload,
}: {
  readonly spend: Spend;
  readonly reload: () => Promise<void>;
}): JSX.Element {
  const day = useSignal(String(spend.usdPerDayMax ?? ''));
  const run = useSignal(String(spend.usdPerRunMax ?? ''));
  const save = async (): Promise<void> => {
    const json = {
      ...(day.peek() !== '' && { usdPerDayMax: Number(day.peek()) }),
      ...(run.peek() !== '' && { usdPerRunMax: Number(run.peek()) }),
    };
    await attempt(
      'Setting the caps',
      () => ask(client.value.v1.spend.$put({ json })),
      'The caps hold until the server ends; for good they are set in its configuration.',
    );
    await reload();
  };
  return (
    <div class="form-row">
      <NumberField label="USD a day, at most (empty: no cap)" value={day} />
      <NumberField label="USD a run, at most (empty: no cap)" value={run} />
      <Button onPress={save}>Set caps</Button>
    </div>
  );
}
