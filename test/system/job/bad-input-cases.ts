/** What users get wrong with `tees run`, as data: the words, and the error that each must give. */

export interface Case {
  readonly name: string;
  /** `SCRATCH` stands for the directory of the test's files. */
  readonly options: readonly string[];
  readonly command?: readonly string[];
  readonly status: 1 | 2;
  readonly code: string;
  /** Who or what is at fault must be named. */
  readonly names: RegExp;
}

const GOOD = ['--upper', 'SCRATCH/good'];
export const CASES: readonly Case[] = [
  {
    name: 'an unknown node',
    options: ['--nodes', 'cn[0-1],cn77', ...GOOD],
    status: 2,
    code: 'NODE_UNKNOWN',
    names: /cn77/,
  },
  {
    name: 'a duplicate node',
    options: ['--nodes', 'cn[0-1],cn1', ...GOOD],
    status: 2,
    code: 'NODE_DUPLICATE',
    names: /cn1/,
  },
  {
    name: 'a malformed node list',
    options: ['--nodes', 'cn[0-', ...GOOD],
    status: 2,
    code: 'HOSTLIST_MALFORMED',
    names: /cn\[0-/,
  },
  {
    name: 'the login node as a compute node',
    options: ['--nodes', 'login', ...GOOD],
    status: 2,
    code: 'NODE_IS_LOGIN',
    names: /login/,
  },
  {
    name: 'an unknown shape of the tree',
    options: ['--nodes', 'cn0', '--shape', 'round', ...GOOD],
    status: 2,
    code: 'TREE_SHAPE_UNKNOWN',
    names: /'round'/,
  },
  {
    name: 'an unknown method',
    options: ['--nodes', 'cn0', '--method', 'magic', ...GOOD],
    status: 2,
    code: 'METHOD_UNKNOWN',
    names: /magic[^]*p2p/,
  },
  {
    name: 'an unknown hook',
    options: ['--nodes', 'cn0', '--hook', 'magic', ...GOOD],
    status: 2,
    code: 'HOOK_UNKNOWN',
    names: /magic[^]*fuse/,
  },
  {
    name: 'an unknown layout',
    options: ['--nodes', 'cn0', '--layout', 'magic', ...GOOD],
    status: 2,
    code: 'LAYOUT_UNKNOWN',
    names: /magic[^]*stacked/,
  },
  {
    name: 'an unknown option',
    options: ['--nodes', 'cn0', '--colour', ...GOOD],
    status: 2,
    code: 'USAGE',
    names: /colour/,
  },
  {
    name: 'an urgent path that is not there',
    options: ['--nodes', 'cn0', '--urgent', '/opt/nothing', ...GOOD],
    status: 2,
    code: 'URGENT_NOT_FOUND',
    names: /opt\/nothing/,
  },
  {
    name: 'an unknown user',
    options: ['--nodes', 'cn0', '--user', 'nobody-at-all', ...GOOD],
    status: 2,
    code: 'USER_UNKNOWN',
    names: /nobody-at-all/,
  },
  {
    name: 'no command',
    options: ['--nodes', 'cn0', ...GOOD],
    command: [],
    status: 2,
    code: 'COMMAND_MISSING',
    names: /--/,
  },
  {
    name: 'malformed YAML',
    options: ['--nodes', 'cn0', '--config', 'SCRATCH/malformed.yaml', ...GOOD],
    status: 2,
    code: 'CONFIG_MALFORMED',
    names: /malformed\.yaml:[23]/,
  },
  {
    name: 'an unknown key',
    options: ['--nodes', 'cn0', '--config', 'SCRATCH/unknown-key.yaml', ...GOOD],
    status: 2,
    code: 'CONFIG_INVALID',
    names: /unknown-key\.yaml:3: gruops[^]*groups/,
  },
  {
    name: 'no configuration',
    options: ['--nodes', 'cn0', '--config', 'SCRATCH/none.yaml', ...GOOD],
    status: 2,
    code: 'CONFIG_NOT_FOUND',
    names: /none\.yaml/,
  },
  {
    name: 'a command that is not there',
    options: ['--nodes', 'cn[0-2]', ...GOOD],
    command: ['no-such-command'],
    status: 1,
    code: 'COMMAND_NOT_FOUND',
    names: /no-such-command/,
  },
  {
    name: 'a command that cannot be executed',
    options: ['--nodes', 'cn[0-2]', ...GOOD],
    command: ['/opt/file'],
    status: 1,
    code: 'COMMAND_NOT_EXECUTABLE',
    names: /opt\/file/,
  },
  {
    name: 'an upper layer that is not there',
    options: ['--nodes', 'cn0', '--upper', 'SCRATCH/none'],
    status: 1,
    code: 'LAYER_NOT_FOUND',
    names: /none/,
  },
  {
    name: 'an upper layer that is a file',
    options: ['--nodes', 'cn0', '--upper', 'SCRATCH/a-file'],
    status: 1,
    code: 'LAYER_NOT_FOUND',
    names: /a-file/,
  },
  {
    name: 'a device node in the layer',
    options: ['--nodes', 'cn0', '--upper', 'SCRATCH/device'],
    status: 1,
    code: 'LAYER_DEVICE_NODE',
    names: /dev\/disk/,
  },
  {
    name: 'the reserved name in the layer',
    options: ['--nodes', 'cn0', '--upper', 'SCRATCH/reserved'],
    status: 1,
    code: 'LAYER_UNSUPPORTED',
    names: /\.tees/,
  },
  {
    name: 'a store that is too small',
    options: ['--nodes', 'cn[0-2]', '--upper', 'SCRATCH/large'],
    status: 1,
    code: 'STORE_FULL',
    names: /cn[012]/,
  },
];
