import { readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import type { LeaseHolder } from '../catalog/catalog.ts';

/** Who this process is, for the lease. */
export interface HostIdentity {
  readonly pid: number;
  readonly host: string;
  readonly startedAtMs: number;
}

export function hostIdentity(): HostIdentity {
  return {
    pid: process.pid,
    host: `${hostname()}${pidNamespace()}`,
    startedAtMs: Math.round(Date.now() - performance.now()),
  };
}

/**
 * Whether a holder is certainly dead: it ran on this host, in this PID namespace, and no process has its PID now. Any
 * doubt counts as alive; its lease then runs out by itself.
 */
export function isCertainlyDead(holder: LeaseHolder, self: HostIdentity): boolean {
  if (holder.host !== self.host || holder.pid === self.pid) return false;
  try {
    process.kill(holder.pid, 0);
    return false;
  } catch (error) {
    // EPERM: it lives, under another user.
    return (error as { code?: string }).code === 'ESRCH';
  }
}

/** The host's name as people know it. */
export function hostName(holder: Pick<LeaseHolder, 'host'>): string {
  return holder.host.split(' ')[0] ?? holder.host;
}

/** Containers that share a host name see different processes under the same PID; their namespaces differ. */
function pidNamespace(): string {
  try {
    return ` ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return '';
  }
}
