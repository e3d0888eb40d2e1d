/** The part of the configuration that describes the cluster: login node, node groups or Slurm's file, addresses. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { TeesError } from '../base/errors.js';
import { makeCluster } from '../topology/cluster.js';
import type { Cluster, Group } from '../topology/cluster.js';
import { isNodeName, parseHostlist } from '../topology/hostlist.js';
import { suggestion } from '../topology/nearest.js';
import { parseSlurmTopology } from '../topology/slurm-topology.js';
import type { Section, Value } from './reader.js';
import { systemReason } from './system-reason.js';

const GROUPS_HINT = 'Write groups: [{ proxy: cn0, slaves: "cn[1-7]" }], or topology: FILE.';
const NODE_LIST = 'a node list such as "cn[1-7]"';

/** @param file the configuration file; Slurm's is relative to it */
export function readCluster(root: Section, file: string): Cluster {
  const name = nodeName(root.require('cluster', "Give the cluster's name: cluster: NAME"), 'a name');
  const loginValue = root.require('login', 'Describe the login node: login: { name: login, address: HOST }');
  const loginSection = loginValue.section('a map with name and address', ['name', 'address']);
  const loginNameValue = loginSection.require('name', "Give the login node's name.");
  const login = nodeName(loginNameValue, "the login node's name");

  const places = new Map<string, string>([[login, `the login node (line ${loginNameValue.line})`]]);
  const groups = readGroupsOrTopology(root, file, places);
  const addresses = readAddresses(root, places);
  const loginAddress = loginSection.get('address');
  if (loginAddress) addresses.set(login, address(loginAddress));
  return makeCluster({ name, login, groups, addresses });
}

/** @param places every node so far, and in words what it is; the groups' nodes are added */
function readGroupsOrTopology(root: Section, file: string, places: Map<string, string>): Group[] {
  const [groups, topology, proxies] = [root.get('groups'), root.get('topology'), root.get('proxies')];
  if (groups && topology) throw topology.fail('groups are given as well', `Keep one of them. ${GROUPS_HINT}`);
  if (proxies && !topology) {
    throw proxies.fail('it belongs to topology', 'With groups, each group names its proxy.');
  }
  if (topology) return importTopology(topology, proxies, file, places);
  return readGroups(groups ?? root.require('groups', GROUPS_HINT), places);
}

function readGroups(value: Value, places: Map<string, string>): Group[] {
  const lines = new Map<string, number>();
  const groups = value.list('a list of groups').map((item, index) => {
    const section = item.section('a group, a map with proxy and slaves', ['name', 'proxy', 'slaves']);
    const nameValue = section.get('name');
    const name = nameValue ? nodeName(nameValue, "the group's name") : `g${index}`;
    const before = lines.get(name);
    if (before !== undefined) {
      const problem = `group ${name} is on line ${before} already`;
      throw (nameValue ?? item).fail(
        problem,
        'Give each group its own name; without one it is g and its index.',
      );
    }
    lines.set(name, item.line);
    return readGroup(section, name, places);
  });
  if (groups.length === 0) throw value.fail('there is no group', GROUPS_HINT);
  return groups;
}

function readGroup(section: Section, name: string, places: Map<string, string>): Group {
  const proxyValue = section.require('proxy', "Name the group's proxy node: proxy: cn0");
  const proxy = nodeName(proxyValue, 'the name of one node');
  claim(proxyValue, proxy, `the proxy node of group ${name}`, places);
  const slavesValue = section.get('slaves');
  if (!slavesValue) return { name, proxy, slaves: [] };
  const slaves = nodeList(slavesValue);
  if (slaves.length === 0) {
    throw slavesValue.fail(
      `group ${name} is empty`,
      `Give ${NODE_LIST}; leave slaves out for a proxy node alone.`,
    );
  }
  for (const slave of slaves) claim(slavesValue, slave, `a slave node of group ${name}`, places);
  return { name, proxy, slaves };
}

function claim(value: Value, node: string, place: string, places: Map<string, string>): void {
  const before = places.get(node);
  if (before !== undefined) {
    const hint = 'A node is the login node, or the proxy or a slave of one group.';
    throw value.fail(`node ${node} is ${before} already`, hint);
  }
  places.set(node, `${place} (line ${value.line})`);
}

function importTopology(
  topology: Value,
  proxies: Value | undefined,
  file: string,
  places: Map<string, string>,
): Group[] {
  const path = resolve(dirname(file), topology.text("the path of Slurm's topology.conf"));
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw topology.fail(
      `${path}: ${systemReason(error)}`,
      "Give the path of Slurm's topology.conf, relative to this file.",
      error,
    );
  }
  const proxyNames = proxies ? nodeList(proxies) : [];
  const groups = parseSlurmTopology(text, path, proxyNames);
  for (const { name, proxy, slaves } of groups) {
    for (const node of [proxy, ...slaves]) claim(topology, node, `in group ${name}`, places);
  }
  return groups;
}

/** Keys are nodes or node lists; a list of nodes has a list of addresses. */
function readAddresses(root: Section, places: ReadonlyMap<string, string>): Map<string, string> {
  const addresses = new Map<string, string>();
  const section = root.get('addresses')?.section('a map of nodes and addresses');
  for (const [key, value] of section?.values ?? []) {
    const nodes = expand(value, key);
    const hosts = nodes.length === 1 && !value.isList() ? [address(value)] : addressList(value);
    if (hosts.length !== nodes.length) {
      const problem = `${nodes.length} nodes and ${hosts.length} addresses`;
      throw value.fail(problem, 'Give as many: "cn[0-7]": "198.18.1.[1-8]"');
    }
    for (const [i, node] of nodes.entries()) {
      if (!places.has(node)) {
        const hint =
          suggestion(node, places.keys()) ?? 'Only nodes of the groups, and the login node, have one.';
        throw value.fail(`node ${node} is not in the cluster`, hint);
      }
      if (addresses.has(node))
        throw value.fail(`node ${node} has an address already`, 'Give one address a node.');
      addresses.set(node, hosts[i] as string);
    }
  }
  return addresses;
}

function addressList(value: Value): string[] {
  if (value.isList()) return value.list('addresses').map(address);
  return expand(value, value.text('a list of addresses'));
}

function address(value: Value): string {
  const text = value.text('a host name or an address');
  if (/^[A-Za-z0-9][A-Za-z0-9._-]*$|^[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(%[A-Za-z0-9._-]+)?$/.test(text))
    return text;
  throw value.fail(
    `"${text}" is no host name and no address`,
    'Give one without a port: the port has its own key.',
  );
}

function nodeList(value: Value): string[] {
  if (!value.isList()) return expand(value, value.text(NODE_LIST));
  const names = value.list(NODE_LIST).map((item) => item.text('the name of a node'));
  return expand(value, names.join(','));
}

function expand(value: Value, list: string): string[] {
  try {
    return parseHostlist(list);
  } catch (error) {
    if (!(error instanceof TeesError)) throw error;
    throw value.fail(error.message, error.hint ?? NODE_LIST, error);
  }
}

function nodeName(value: Value, expected: string): string {
  const text = value.text(expected);
  if (isNodeName(text)) return text;
  throw value.fail(`"${text}" cannot be a name`, 'Names have letters, digits, dots, dashes and underscores.');
}
