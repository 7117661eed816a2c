import type { IndexingReads, IndexingWrites } from '../indexing-catalog.ts';
import type { CatalogSession } from '../session.ts';
import {
  countRefusedChanges,
  forgetNotedChanges,
  forgetRefusedChanges,
  listNotedChanges,
  listRefusedChanges,
  noteChanges,
  refuseNotedChanges,
} from './noted-changes.ts';
import { listIndexing, listSchedules, noteScheduledRun, setSchedule } from './schedules.ts';
import { countDocuments, listDocumentKeys, listSources, noteSourceRead, setSources } from './sources.ts';

/** What runs over sources read. */
export function indexingReads(session: CatalogSession): IndexingReads {
  return {
    listSources: (datasetId) => listSources(session, datasetId),
    listSchedules: (datasetId) => listSchedules(session, datasetId),
    listIndexing: (page) => listIndexing(session, page),
    listNotedChanges: (datasetId, limit) => listNotedChanges(session, datasetId, limit),
    listRefusedChanges: (datasetId, page) => listRefusedChanges(session, datasetId, page),
    countRefusedChanges: (datasetId) => countRefusedChanges(session, datasetId),
    listDocumentKeys: (datasetId, page) => listDocumentKeys(session, datasetId, page),
    countDocuments: (datasetId, source) => countDocuments(session, datasetId, source),
  };
}

/** What runs over sources write. */
export function indexingWrites(session: CatalogSession, token: number): IndexingWrites {
  return {
    setSources: (datasetId, sources, options) => setSources(session, token, datasetId, sources, options),
    noteSourceRead: (datasetId, source) => noteSourceRead(session, token, datasetId, source),
    setSchedule: (datasetId, run, schedule) => setSchedule(session, token, datasetId, run, schedule),
    noteScheduledRun: (datasetId, run, outcome) => noteScheduledRun(session, token, datasetId, run, outcome),
    noteChanges: (datasetId, changes, countMax) => noteChanges(session, token, datasetId, changes, countMax),
    forgetNotedChanges: (datasetId, changeIds) => forgetNotedChanges(session, token, datasetId, changeIds),
    refuseNotedChanges: (datasetId, changeIds, countMax) =>
      refuseNotedChanges(session, token, datasetId, changeIds, countMax),
    forgetRefusedChanges: (datasetId, upTo) => forgetRefusedChanges(session, token, datasetId, upTo),
  };
}
