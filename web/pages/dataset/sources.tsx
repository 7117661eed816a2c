import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { attempt, confirm } from '../../core/actions.ts';
import { ask, client, paramOf } from '../../core/api.ts';
import { fullRun, indexNow } from '../../core/dataset-actions.ts';
import type { DatasetEntry } from '../../core/dataset-entry.ts';
import { formatCount } from '../../core/format.ts';
import { useLoaded } from '../../core/load.ts';
import type { Schedule, Source } from '../../core/types.ts';
import { Button, Field, WriteOnly } from '../../ui/controls.tsx';
import { Ago, Badge, Empty, Notice, Section } from '../../ui/parts.tsx';
import { RefusedChanges } from './refused-changes.tsx';

/** Where a dataset's documents come from, and when that is looked at. */
export function SourcesTab({ entry }: { readonly entry: DatasetEntry }): JSX.Element {
  return (
    <>
      <RefusedChanges entry={entry} />
      <Sources entry={entry} />
      <Schedules entry={entry} />
    </>
  );
}

function Sources({ entry }: { readonly entry: DatasetEntry }): JSX.Element {
  const { address } = entry;
  const route = client.value.v1.datasets[':project'][':dataset'].sources;
  const sources = useLoaded(
    async () => (await ask(route.$get({ param: paramOf(address) }))).items,
    [address, entry.status.value.counts.documents, entry.status.value.lastRun?.id],
  );
  const found = sources.value.value;
  const remove = async (source: Source): Promise<void> => {
    const isSure = await confirm({
      title: `Forget the source ${source.name}?`,
      text: 'It is read no more. Its documents stay.',
      action: 'Forget it',
      isDanger: true,
    });
    if (!isSure) return;
    const param = { ...paramOf(address), source: source.name };
    await attempt(`Forgetting ${source.name}`, () => ask(route[':source'].$delete({ param })));
    await sources.reload();
  };
  return (
    <Section
      title="Sources"
      actions={
        <WriteOnly>
          <Button onPress={() => indexNow(address)}>Read what has changed</Button>
          <Button onPress={() => fullRun(address)}>Full run…</Button>
        </WriteOnly>
      }
    >
      {sources.problem.value !== undefined && <Notice tone="bad">{sources.problem.value}</Notice>}
      {found?.length === 0 && (
        <Empty>
          It has no source: documents are sent to it. Databases, folders and files of lines are declared in
          the configuration, with <code>syncline</code>, or over HTTP.
        </Empty>
      )}
      {found !== undefined && found.length > 0 && (
        <table class="table stack">
          <thead>
            <tr>
              <th scope="col">Source</th>
              <th scope="col">Kind</th>
              <th scope="col" class="number">
                Documents
              </th>
              <th scope="col">Read until</th>
              <th scope="col">
                <span class="hidden">What can be done</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {found.map((source) => (
              <tr key={source.name}>
                <th scope="row">
                  {source.name}
                  {source.definition !== undefined && (
                    <details>
                      <summary>Definition</summary>
                      <pre>{JSON.stringify(source.definition, null, 2)}</pre>
                    </details>
                  )}
                </th>
                <td data-label="Kind">{source.kind}</td>
                <td data-label="Documents" class="number">
                  {formatCount(source.documentCount)}
                </td>
                <td data-label="Read until">
                  <Ago at={source.readUntil} />
                </td>
                <td class="end">
                  {source.definition !== undefined && (
                    <WriteOnly>
                      <Button onPress={() => remove(source)} label={`Forget ${source.name}`}>
                        Forget
                      </Button>
                    </WriteOnly>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Section>
  );
}

const RUNS: Readonly<Record<Schedule['run'], string>> = {
  full: 'Full run: reads everything, removes what is gone',
  index: 'Index run: reads what has changed',
};

function Schedules({ entry }: { readonly entry: DatasetEntry }): JSX.Element {
  const { address } = entry;
  const route = client.value.v1.datasets[':project'][':dataset'].schedules;
  const schedules = useLoaded(
    async () => (await ask(route.$get({ param: paramOf(address) }))).items,
    [address, entry.status.value.lastRun?.id],
  );
  return (
    <Section title="Schedule">
      {schedules.problem.value !== undefined && <Notice tone="bad">{schedules.problem.value}</Notice>}
      <div class="cards">
        {schedules.value.value?.map((schedule) => (
          <ScheduleCard key={schedule.run} address={address} schedule={schedule} reload={schedules.reload} />
        ))}
      </div>
    </Section>
  );
}

function ScheduleCard({
  address,
  schedule,
  reload,
}: {
  readonly address: string;
  readonly schedule: Schedule;
  readonly reload: () => Promise<void>;
}): JSX.Element {
  const { run, isOn, isDefault, nextRun, lastRun, lastError, retryAt, failureCount } = schedule;
  const cron = useSignal(schedule.cron ?? '');
  const zone = useSignal(schedule.timeZone ?? '');
  const route = client.value.v1.datasets[':project'][':dataset'].schedules[':run'];
  const param = { ...paramOf(address), run };
  const set = async (json: Parameters<typeof route.$put>[0]['json']): Promise<void> => {
    await attempt('Setting the schedule', () => ask(route.$put({ param, json })), 'The schedule was set.');
    await reload();
  };
  const save = (): Promise<void> =>
    set({ cron: cron.peek(), ...(zone.peek() !== '' && { timeZone: zone.peek() }) });
  return (
    <div class="card report">
      <p>
        <b>{RUNS[run]}</b> <Badge tone={isOn ? 'ok' : 'still'}>{isOn ? 'on' : 'off'}</Badge>
        {isDefault && <span class="muted"> by default</span>}
      </p>
      <p class="muted">
        {schedule.cron !== undefined && (
          <>
            <code>{schedule.cron}</code> {schedule.timeZone ?? 'UTC'}.{' '}
          </>
        )}
        Next run <Ago at={nextRun} />, last run <Ago at={lastRun} />
        {lastError !== undefined && (
          <>
            , which failed: <code>{lastError}</code>
            {retryAt !== undefined && ` (${failureCount} in a row; it is tried again)`}
          </>
        )}
      </p>
      <WriteOnly>
        <div class="form-row">
          <Field label="Cron expression">
            <input
              value={cron.value}
              placeholder="0 3 * * 0"
              onInput={({ currentTarget }) => {
                cron.value = currentTarget.value;
              }}
            />
          </Field>
          <Field label="Time zone (empty: UTC)">
            <input
              value={zone.value}
              placeholder="Europe/Berlin"
              onInput={({ currentTarget }) => {
                zone.value = currentTarget.value;
              }}
            />
          </Field>
          <Button onPress={save} disabled={cron.value.trim() === ''}>
            Set
          </Button>
          <Button onPress={() => set({ setting: 'off' })}>Off</Button>
          <Button onPress={() => set({ setting: 'default' })}>Default</Button>
        </div>
      </WriteOnly>
    </div>
  );
}
