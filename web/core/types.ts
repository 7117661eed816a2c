import type { Answer } from 'syncline/client';
import type { client } from './api.ts';

type V1 = (typeof client.value)['v1'];
type Body<Call extends (...args: never[]) => Promise<unknown>> = Answer<Awaited<ReturnType<Call>>>;

type DatasetRoutes = V1['datasets'][':project'][':dataset'];

/** What the server tells, as its routes have it. */
export type DatasetStatus = Body<V1['statuses']['$get']>['items'][number];
export type RuntimeStatus = Body<V1['status']['$get']>;
export type Actor = Body<V1['actors'][':id']['$get']>;
export type Task = Body<V1['tasks'][':id']['$get']>;
export type Provider = Body<V1['providers']['$get']>['items'][number];
export type BatchJob = Body<V1['batches']['$get']>['items'][number];
export type BatchPolicy = Body<DatasetRoutes['batch-policy']['$get']>;
export type BatchRun = Body<V1['batches']['sync']['$post']>;
export type Source = Body<DatasetRoutes['sources']['$get']>['items'][number];
export type Schedule = Body<DatasetRoutes['schedules']['$get']>['items'][number];
export type RefusedChange = Body<DatasetRoutes['refused-changes']['$get']>['items'][number];
export type CostEntry = Body<V1['costs']['$get']>['items'][number];
export type Spend = Body<V1['spend']['$get']>;
export type BackfillPlan = Body<DatasetRoutes['backfill']['plan']['$post']>;
export type FailedChunk = Body<DatasetRoutes['failures']['$get']>['items'][number];
export type CheckReport = Body<DatasetRoutes['check']['$get']>;
export type DocumentSummary = Body<DatasetRoutes['documents']['$get']>['items'][number];
export type Chunk = Body<DatasetRoutes['documents'][':key']['chunks']['$get']>['items'][number];
export type SearchFilter = NonNullable<Parameters<DatasetRoutes['search']['$post']>[0]['json']['filter']>;
export type SearchHit = Body<DatasetRoutes['search']['$post']>['results'][number];
