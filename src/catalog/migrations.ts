import bootstrapDown from '../../schema/0001-bootstrap.down.sql' with { type: 'text' };
import bootstrapUp from '../../schema/0001-bootstrap.sql' with { type: 'text' };
import catalogDown from '../../schema/0002-catalog.down.sql' with { type: 'text' };
import catalogUp from '../../schema/0002-catalog.sql' with { type: 'text' };
import configurationsDown from '../../schema/0003-configurations.down.sql' with { type: 'text' };
import configurationsUp from '../../schema/0003-configurations.sql' with { type: 'text' };
import identityDown from '../../schema/0004-catalog-identity.down.sql' with { type: 'text' };
import identityUp from '../../schema/0004-catalog-identity.sql' with { type: 'text' };
import sourcesDown from '../../schema/0005-sources.down.sql' with { type: 'text' };
import sourcesUp from '../../schema/0005-sources.sql' with { type: 'text' };
import costLedgerDown from '../../schema/0006-cost-ledger.down.sql' with { type: 'text' };
import costLedgerUp from '../../schema/0006-cost-ledger.sql' with { type: 'text' };
import batchJobsDown from '../../schema/0007-batch-jobs.down.sql' with { type: 'text' };
import batchJobsUp from '../../schema/0007-batch-jobs.sql' with { type: 'text' };
import cutTextsDown from '../../schema/0008-cut-texts.down.sql' with { type: 'text' };
import cutTextsUp from '../../schema/0008-cut-texts.sql' with { type: 'text' };
import providerStandingsDown from '../../schema/0009-provider-standings.down.sql' with { type: 'text' };
import providerStandingsUp from '../../schema/0009-provider-standings.sql' with { type: 'text' };
import runTroublesDown from '../../schema/0010-run-troubles.down.sql' with { type: 'text' };
import runTroublesUp from '../../schema/0010-run-troubles.sql' with { type: 'text' };
import spendHoldsDown from '../../schema/0011-spend-holds.down.sql' with { type: 'text' };
import spendHoldsUp from '../../schema/0011-spend-holds.sql' with { type: 'text' };
import pulledBackDown from '../../schema/0012-pulled-back-texts.down.sql' with { type: 'text' };
import pulledBackUp from '../../schema/0012-pulled-back-texts.sql' with { type: 'text' };

/** One step of the schema, as SQL scripts. */
export interface Migration {
  /** 1, 2, 3, … */
  readonly number: number;
  readonly name: string;
  readonly up: string;
  /** The way back. */
  readonly down: string;
}

/** The number of the migration after which the lease exists. */
export const BOOTSTRAP_VERSION = 1;

/** All migrations, in order. Append-only: a released file is never edited (its checksum is kept in every catalog). */
export const MIGRATIONS: readonly Migration[] = [
  { number: BOOTSTRAP_VERSION, name: 'bootstrap', up: bootstrapUp, down: bootstrapDown },
  { number: 2, name: 'catalog', up: catalogUp, down: catalogDown },
  { number: 3, name: 'configurations', up: configurationsUp, down: configurationsDown },
  { number: 4, name: 'catalog-identity', up: identityUp, down: identityDown },
  { number: 5, name: 'sources', up: sourcesUp, down: sourcesDown },
  { number: 6, name: 'cost-ledger', up: costLedgerUp, down: costLedgerDown },
  { number: 7, name: 'batch-jobs', up: batchJobsUp, down: batchJobsDown },
  { number: 8, name: 'cut-texts', up: cutTextsUp, down: cutTextsDown },
  { number: 9, name: 'provider-standings', up: providerStandingsUp, down: providerStandingsDown },
  { number: 10, name: 'run-troubles', up: runTroublesUp, down: runTroublesDown },
  { number: 11, name: 'spend-holds', up: spendHoldsUp, down: spendHoldsDown },
  { number: 12, name: 'pulled-back-texts', up: pulledBackUp, down: pulledBackDown },
];
