import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { attempt, confirm } from '../../core/actions.ts';
import { ask, client, paramOf } from '../../core/api.ts';
import { type BackfillWish, startBackfill } from '../../core/dataset-actions.ts';
import type { DatasetEntry } from '../../core/dataset-entry.ts';
import { formatCount, formatDuration, formatUsd, plural } from '../../core/format.ts';
import { useLoaded } from '../../core/load.ts';
import type { BackfillPlan } from '../../core/types.ts';
import { Button, NumberField, WriteOnly } from '../../ui/controls.tsx';
import { Empty, Fact, Notice, Section } from '../../ui/parts.tsx';
import { CostTable } from '../cost-table.tsx';
import { BatchPolicySection } from './batch-policy.tsx';

const DAYS_SHOWN = 31;

/** What a dataset has cost, and what it would cost to embed what has no vector. */
export function CostsTab({ entry }: { readonly entry: DatasetEntry }): JSX.Element {
  const { address } = entry;
  const days = useLoaded(
    async () =>
      (
        await ask(
          client.value.v1.costs.$get({ query: { by: 'day', dataset: address, limit: String(DAYS_SHOWN) } }),
        )
      ).items,
    [address, entry.status.value.isUpToDate],
  );
  return (
    <>
      <Backfill address={address} />
      <BatchPolicySection address={address} />
      <Section title="What it has cost">
        {days.problem.value !== undefined && <Notice tone="bad">{days.problem.value}</Notice>}
        {days.value.value?.length === 0 && <Empty>Nothing of it was sent to a provider yet.</Empty>}
        {days.value.value !== undefined && days.value.value.length > 0 && (
          <CostTable title="Day (UTC)" entries={days.value.value} nameOf={({ day }) => day ?? '–'} />
        )}
      </Section>
    </>
  );
}

function Backfill({ address }: { readonly address: string }): JSX.Element {
  const limit = useSignal('');
  const usdMax = useSignal('');
  const retryFailed = useSignal(false);
  const plan = useSignal<BackfillPlan | undefined>(undefined);
  const wish = (): BackfillWish => ({
    ...(limit.peek() !== '' && { limit: Number(limit.peek()) }),
    ...(retryFailed.peek() && { retryFailed: true }),
  });
  const preview = (): Promise<boolean> =>
    attempt('Planning a backfill', async () => {
      const route = client.value.v1.datasets[':project'][':dataset'].backfill.plan;
      plan.value = await ask(route.$post({ param: paramOf(address), json: wish() }));
    });
  const start = async (): Promise<void> => {
    // What is asked about is what will be done, at the price of now.
    if (!(await preview()) || plan.value === undefined) return;
    const isSure = await confirm({
      title: `Backfill ${address}?`,
      text: `${costOf(plan.value)} for ${plural(plan.value.textCount, 'text')} with ${formatCount(plan.value.tokenCount)} tokens, embedded by ${plan.value.profile}.`,
      action: 'Embed them',
    });
    if (!isSure) return;
    const cap = usdMax.peek() === '' ? {} : { usdMax: Number(usdMax.peek()) };
    await startBackfill(address, { ...wish(), ...cap });
    plan.value = undefined;
  };
  return (
    <Section title="Backfill">
      <div class="card report">
        <p class="muted">
          Embeds what has no vector yet. The preview tells what that would do and cost; it asks no provider
          and changes nothing.
        </p>
        <div class="form-row">
          <NumberField label="Texts, at most (empty: all)" value={limit} />
          <NumberField label="USD, at most (empty: no cap)" value={usdMax} />
          <label class="check">
            <input
              type="checkbox"
              checked={retryFailed.value}
              onChange={({ currentTarget }) => {
                retryFailed.value = currentTarget.checked;
              }}
            />
            <span>Also texts that were given up</span>
          </label>
          <Button onPress={preview}>Preview</Button>
          <WriteOnly>
            <Button kind="primary" onPress={start}>
              Backfill…
            </Button>
          </WriteOnly>
        </div>
        {plan.value !== undefined && <Plan plan={plan.value} />}
      </div>
    </Section>
  );
}

function costOf({ totalUsd }: BackfillPlan): string {
  return totalUsd === undefined ? 'At a price that is not known' : `About ${formatUsd(totalUsd)}`;
}

function Plan({ plan }: { readonly plan: BackfillPlan }): JSX.Element {
  const { textCount, tokenCount, requestCount, chunkCount, uncutDocumentCount, totalUsd, estimatedMs } = plan;
  if (textCount + uncutDocumentCount === 0)
    return <Notice tone="ok">There is nothing to do: every chunk has its vector.</Notice>;
  return (
    <dl class="facts">
      <Fact name="Chunks without a vector">{formatCount(chunkCount)}</Fact>
      <Fact name="Texts to embed">{formatCount(textCount)}</Fact>
      <Fact name="Tokens">{formatCount(tokenCount)}</Fact>
      <Fact name="Requests">{formatCount(requestCount)}</Fact>
      <Fact name="Cost">{totalUsd === undefined ? 'no price' : formatUsd(totalUsd)}</Fact>
      <Fact name="Takes about">
        {estimatedMs === undefined ? 'not known yet' : formatDuration(estimatedMs)}
      </Fact>
      <Fact name="Embedded by">
        <code>{plan.profile}</code>
      </Fact>
      {uncutDocumentCount > 0 && (
        <Fact name="Documents not cut yet">{formatCount(uncutDocumentCount)}, which come on top</Fact>
      )}
    </dl>
  );
}
