/**
 * The network of an embedded cluster as commands for `ip -batch` and `tc -batch`, a list for each network
 * namespace. The core namespace is the upper topology's switch; a proxy's namespace bridges its slaves and its
 * uplink, so that a slave's traffic crosses its proxy node as it does in a real node group.
 */
import type { ClusterSpecification } from './options.js';
import { linkAddress, neighbours } from './neighbours.js';
import type { ClusterPlan, Host, PlannedGroup } from './plan.js';
import { NETWORK_BITS, UPLINK_INTERFACE } from './plan.js';

/** A burst below the size of a GSO packet would drop it whole or split it. */
const BURST_MIN_BYTES = 256 * 1024;
/** The bucket fills by the timer: at high rates it must hold what a few milliseconds bring. */
const BURST_SECONDS = 0.004;
const QUEUE_LATENCY = '100ms';

export interface NamespaceScript {
  /** A node's name; undefined: the core. */
  readonly node?: string;
  readonly ip: readonly string[];
  readonly tc: readonly string[];
}

/** Steps in order; the scripts of one step may run at the same time. */
export type NetworkScript = readonly (readonly NamespaceScript[])[];

/** Names of namespaces in `ip` commands are paths below the directory that it runs in. */
export function networkScript(plan: ClusterPlan, rates: ClusterSpecification): NetworkScript {
  const slaves = plan.groups.flatMap((group) => group.slaves);
  return [
    [coreScript(plan, rates)],
    [
      edgeScript(plan, plan.login, rates.loginUplinkBitsPerSecond),
      ...(plan.storage ? [edgeScript(plan, plan.storage, rates.storage?.bitsPerSecond)] : []),
      ...plan.groups.map((group) => proxyScript(plan, group, rates.uplinkBitsPerSecond)),
    ],
    slaves.map((slave) => ({ node: slave.name, ip: endpoint(plan, 'eth0', slave), tc: [] })),
  ];
}

function coreScript(plan: ClusterPlan, rates: ClusterSpecification): NamespaceScript {
  const ports = [
    { port: plan.login.name, node: plan.login.name, peer: 'eth0', rate: rates.loginUplinkBitsPerSecond },
    ...[plan.storage ?? []].flat().map(({ name }) => ({
      ...{ port: name, node: name, peer: 'eth0', rate: rates.storage?.bitsPerSecond },
    })),
    ...plan.groups.map((group) => ({
      port: group.name,
      node: group.proxy.name,
      peer: UPLINK_INTERFACE,
      rate: rates.uplinkBitsPerSecond,
    })),
  ];
  return {
    ip: [...bridge(), ...ports.flatMap(({ port, node, peer }) => attach(port, node, peer))],
    tc: ports.flatMap(({ port, rate }) => shape(port, rate)),
  };
}

/** Login and storage node hang on the core by themselves. */
function edgeScript(plan: ClusterPlan, host: Host, rate: number | undefined): NamespaceScript {
  return { node: host.name, ip: endpoint(plan, 'eth0', host), tc: shape('eth0', rate) };
}

function proxyScript(
  plan: ClusterPlan,
  { proxy, slaves }: PlannedGroup,
  rate: number | undefined,
): NamespaceScript {
  return {
    node: proxy.name,
    ip: [
      ...bridge(),
      `link set ${UPLINK_INTERFACE} master br0 up`,
      ...slaves.flatMap((slave) => attach(slave.name, slave.name, 'eth0')),
      ...endpoint(plan, 'br0', proxy),
    ],
    tc: shape(UPLINK_INTERFACE, rate),
  };
}

/** Snooping off: multicast queries of their own would count as traffic. */
function bridge(): string[] {
  return ['link add br0 type bridge mcast_snooping 0', 'link set br0 up'];
}

function attach(port: string, node: string, peer: string): string[] {
  return [`link add ${port} type veth peer name ${peer} netns ./${node}`, `link set ${port} master br0 up`];
}

/** The device with the node's address, under the link address that the others know. */
function endpoint(plan: ClusterPlan, device: string, node: Host): string[] {
  return [
    'link set lo up',
    `link set ${device} address ${linkAddress(node)}`,
    `addr add ${node.address}/${NETWORK_BITS} dev ${device}`,
    `link set ${device} up`,
    ...neighbours(plan, node).map(
      (other) => `neigh add ${other.address} lladdr ${linkAddress(other)} dev ${device} nud permanent`,
    ),
  ];
}

function shape(device: string, bitsPerSecond: number | undefined): string[] {
  if (bitsPerSecond === undefined) return [];
  const burst = Math.max(BURST_MIN_BYTES, Math.ceil((bitsPerSecond / 8) * BURST_SECONDS));
  const rate = `rate ${bitsPerSecond}bit burst ${burst} latency ${QUEUE_LATENCY}`;
  return [`qdisc add dev ${device} root tbf ${rate}`];
}
