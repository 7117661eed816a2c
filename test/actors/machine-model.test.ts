import { describe, expect, test } from 'bun:test';
import { setup } from 'xstate';
import { datasetMachine } from '../../src/actors/dataset-machine.ts';
import { type MachineModel, machineModel } from '../../src/actors/machine-model.ts';
import { supervisorMachine } from '../../src/actors/supervisor-machine.ts';

const MODELS: readonly MachineModel[] = [machineModel(datasetMachine), machineModel(supervisorMachine)];

describe("a machine's model", () => {
  test('has an id for every node and edge, and edges between nodes only', () => {
    for (const { nodes, edges } of MODELS) {
      const ids = nodes.map(({ id }) => id);
      expect(new Set(ids).size).toBe(ids.length);
      expect(new Set(edges.map(({ id }) => id)).size).toBe(edges.length);
      const ends = edges.flatMap(({ sourceId, targetIds }) => [sourceId, ...targetIds]);
      expect(ends.filter((id) => !ids.includes(id))).toEqual([]);
      const others = nodes.flatMap(({ parentId, initialId }) => [parentId, initialId]);
      expect(others.filter((id) => id !== undefined && !ids.includes(id))).toEqual([]);
    }
  });

  test('names everything: no guard, action, delay or source of ours is inline', () => {
    expect(JSON.stringify(MODELS)).not.toContain('(inline)');
  });

  test('tells ends, failures, delays and what happens at once apart', () => {
    const [{ edges } = MODELS[0] as MachineModel] = MODELS;
    const from = (sourceId: string) =>
      edges
        .filter((edge) => edge.sourceId === sourceId)
        .map(({ kind, label, guard, targetIds }) => [kind, label, guard, ...targetIds]);
    expect(from('dataset.backingOff')).toEqual([
      ['event', 'dataset.check', undefined, 'dataset.checking'],
      ['event', 'dataset.retry', undefined, 'dataset.retrying'],
      ['after', 'backoff', undefined, 'dataset.retrying'],
    ]);
    expect(from('dataset.checking')).toContainEqual(['done', 'checkTable', undefined, 'dataset.settling']);
    expect(from('dataset.checking')).toContainEqual(['error', 'checkTable', undefined, 'dataset.failing']);
    expect(from('dataset.settling')).toContainEqual([
      'always',
      '',
      'or(needsMending, hasChanged, isMaintenanceAsked)',
      'dataset.queued',
    ]);
  });

  test('says where something has no name', () => {
    const machine = setup({}).createMachine({
      id: 'unnamed',
      initial: 'one',
      states: {
        one: { on: { go: { guard: () => true, actions: () => undefined, target: 'two' } } },
        two: {},
      },
    });
    expect(machineModel(machine).edges).toMatchObject([{ guard: '(inline)', actions: ['(inline)'] }]);
  });
});
