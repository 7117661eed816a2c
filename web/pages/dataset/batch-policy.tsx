import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { attempt } from '../../core/actions.ts';
import { ask, client, paramOf } from '../../core/api.ts';
import { formatCount, formatDuration } from '../../core/format.ts';
import { useLoaded } from '../../core/load.ts';
import { linkTo } from '../../core/router.ts';
import type { BatchPolicy } from '../../core/types.ts';
import { Button, Choice, Field, WriteOnly } from '../../ui/controls.tsx';
import { Empty, Fact, Notice, Section } from '../../ui/parts.tsx';

const MODES: Readonly<Record<BatchPolicy['mode'], string>> = {
  never: 'Directly to the provider',
  auto: 'To batch jobs, where enough texts wait',
  always: 'To batch jobs',
};

const route = () => client.value.v1.datasets[':project'][':dataset']['batch-policy'];

/** Whether the texts of a dataset go to batch jobs, and what makes one worth while. */
export function BatchPolicySection({ address }: { readonly address: string }): JSX.Element {
  const policy = useLoaded(() => ask(route().$get({ param: paramOf(address) })), [address]);
  const found = policy.value.value;
  return (
    <Section title="Batch jobs">
      <div class="card report">
        <p class="muted">
          A provider’s batch API embeds within a day at half the price.{' '}
          <a href={linkTo(['batches'])}>All batch jobs</a>
        </p>
        {policy.problem.value !== undefined && <Notice tone="bad">{policy.problem.value}</Notice>}
        {found === undefined ? (
          policy.problem.value === undefined && <Empty>Loading…</Empty>
        ) : (
          <>
            <dl class="facts">
              <Fact name="Texts go">{MODES[found.mode]}</Fact>
              <Fact name="Texts that make a job worth while">{formatCount(found.minBatchSize)}</Fact>
              <Fact name="They wait for others">{formatDuration(found.maxWaitMs)} at most</Fact>
            </dl>
            <WriteOnly>
              <PolicyForm address={address} policy={found} reload={policy.reload} />
            </WriteOnly>
          </>
        )}
      </div>
    </Section>
  );
}

function PolicyForm({
  address,
  policy,
  reload,
}: {
  readonly address: string;
  readonly policy: BatchPolicy;
  readonly reload: () => Promise<void>;
}): JSX.Element {
  const mode = useSignal(policy.mode);
  const minBatchSize = useSignal(String(policy.minBatchSize));
  const maxWaitS = useSignal(String(policy.maxWaitMs / 1_000));
  const save = async (): Promise<void> => {
    const json = {
      mode: mode.peek(),
      minBatchSize: Number(minBatchSize.peek()),
      maxWaitMs: Math.round(Number(maxWaitS.peek()) * 1_000),
    };
    await attempt(
      'Setting the batch policy',
      () => ask(route().$patch({ param: paramOf(address), json })),
      'The batch policy is set.',
    );
    await reload();
  };
  return (
    <div class="form-row">
      <Field label="Texts go">
        <Choice
          label="Texts go"
          value={mode.value}
          options={MODES}
          onChange={(value) => {
            mode.value = value;
          }}
        />
      </Field>
      <Field label="Texts that make a job worth while">
        <input
          type="number"
          min="1"
          max="50000"
          value={minBatchSize.value}
          onInput={({ currentTarget }) => {
            minBatchSize.value = currentTarget.value;
          }}
        />
      </Field>
      <Field label="Longest wait for others, in seconds">
        <input
          type="number"
          min="0"
          max="604800"
          value={maxWaitS.value}
          onInput={({ currentTarget }) => {
            maxWaitS.value = currentTarget.value;
          }}
        />
      </Field>
      <Button onPress={save}>Set policy</Button>
    </div>
  );
}
