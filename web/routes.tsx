import type { ComponentType } from 'preact';
import { ActorsPage } from './pages/actors-page.tsx';
import { AddPage } from './pages/add-page.tsx';
import { BatchesPage } from './pages/batches-page.tsx';
import { CostsPage } from './pages/costs-page.tsx';
import { DatasetPage } from './pages/dataset-page.tsx';
import { DatasetsPage } from './pages/datasets-page.tsx';
import { ProvidersPage } from './pages/providers-page.tsx';
import { TasksPage } from './pages/tasks-page.tsx';

/** A page and the first part of its address; what follows, it reads from `path` itself. */
export interface PageRoute {
  readonly name: string;
  readonly page: ComponentType;
  /** What leads to it in the navigation; a page without one is reached from others. */
  readonly label?: string;
}

/** The pages, in the order of the navigation. The first is the one at the beginning. */
export const ROUTES: readonly PageRoute[] = [
  { name: '', page: DatasetsPage, label: 'Datasets' },
  { name: 'datasets', page: DatasetPage },
  { name: 'add', page: AddPage },
  { name: 'tasks', page: TasksPage, label: 'Tasks' },
  { name: 'providers', page: ProvidersPage, label: 'Providers' },
  { name: 'actors', page: ActorsPage, label: 'Machines' },
  { name: 'batches', page: BatchesPage, label: 'Batches' },
  { name: 'costs', page: CostsPage, label: 'Costs' },
];
