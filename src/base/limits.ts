/** Every limit has a name, and they live together. Units stand last in the name. */
const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

/** The unit of transfer and verification. Small enough for cut-through, large enough to hash at full speed. */
export const CHUNK_SIZE_BYTES = 256 * KIB;
/** SHA-256. */
export const DIGEST_SIZE_BYTES = 32;

/** A command line and environment of COMMAND_ARGUMENTS_MAX_BYTES, as a list with its keys, and a tree fit in. */
export const FRAME_HEADER_MAX_BYTES = 4 * MIB;
export const FRAME_BODY_MAX_BYTES = 1 * MIB;
/** Before a peer has proved that it knows the cluster key, it may send this much a frame. */
export const FRAME_UNAUTHENTICATED_MAX_BYTES = 4 * KIB;
export const AUTHENTICATION_DEADLINE_MS = 15_000;

/** Linux PATH_MAX and NAME_MAX. */
export const PATH_MAX_BYTES = 4096;
export const NAME_MAX_BYTES = 255;

/** As it travels, deflated in pieces; and inflated. */
export const MANIFEST_ENCODED_MAX_BYTES = 256 * MIB;
export const MANIFEST_DECODED_MAX_BYTES = 1 * GIB;
/**
 * Pieces of a document have 2^BITS bytes on average, less what deflation takes: an edit costs about one piece for each
 * place that it changes. Of large documents they are larger, so that a job's description, which lists them, stays small.
 */
export const DOCUMENT_PIECE_BITS_MIN = 13;
export const DOCUMENT_PIECE_BITS_MAX = 18;
export const DOCUMENT_PIECES_AIM = 4096;
/** Inflated; deflated it fits into a frame, even if it does not compress. */
export const DOCUMENT_PIECE_MAX_BYTES = 768 * KIB;
export const DOCUMENT_PIECES_MAX = 65_536;
export const MANIFEST_ENTRIES_MAX = 5_000_000;
/** Of all files together: each takes some bytes of memory and as little as two in the encoding. */
export const MANIFEST_EXTENTS_MAX = 10_000_000;
/** Of all entries together: paths share their beginnings in the encoding, but not in memory. */
export const MANIFEST_PATHS_MAX_BYTES = 512 * MIB;
export const XATTR_VALUE_MAX_BYTES = 64 * KIB;
export const FILE_SIZE_MAX_BYTES = 2 ** 50;

/** Bytes queued on one link before its cursor waits for the socket to drain: a chunk, and what comes between. */
export const LINK_QUEUE_HIGH_BYTES = 64 * KIB;
/** Of a link, in the kernel and not yet on the way. At 10 Gbit/s that is a tenth of a millisecond. */
export const LINK_UNSENT_MAX_BYTES = 128 * KIB;
/**
 * Of a link, in the kernel and not yet read. Where the receiver is slower than the network, all that is sent waits here:
 * the kernel would make it up to tcp_rmem. At 10 Gbit/s it is enough for a round trip of 0.8 ms.
 */
export const LINK_UNREAD_MAX_BYTES = 1 * MIB;
/** Connections of one user at the login daemon's socket: their jobs, as many as a node takes, and what they ask. */
export const COMMANDS_PER_USER_MAX = 256;
/** From a command's connection to the end of its request. It sends it at once; a machine that swaps takes seconds. */
export const REQUEST_DEADLINE_MS = 10_000;
/** Output and reports queued for a command before its tasks wait. */
export const COMMAND_QUEUE_HIGH_BYTES = MIB / 2;
/** Output of one job on the way from a child, not yet taken by its parent. */
export const OUTPUT_WINDOW_BYTES = 256 * KIB;
/**
 * What has come from a child and waits behind output that nobody takes: messages for each node in its subtree, which has
 * ten to say and repeats some when its daemon was started again; and output, of all the daemons it has had.
 */
export const UPWARD_WAITING_PER_NODE_MAX = 64;
export const UPWARD_OUTPUT_MAX_BYTES = 8 * MIB;
/** Of an error's message that travels. */
export const ERROR_TEXT_MAX_CHARACTERS = 8192;
/** Verified chunks kept in memory for children that are a little behind; the rest is read from the store. */
export const CHUNK_CACHE_MAX_BYTES = 4 * MIB;

/** Contents that a node keeps for later jobs, or knows to be in running ones: some 200 bytes of memory each. */
export const CONTENT_CACHE_ENTRIES_MAX = 100_000;

/** Ranges of units that one message may ask for before their turn. */
export const WANT_RANGES_MAX = 4096;
/** Such ranges that wait to be sent to one child, or to come; the units of further ones come in their turn. */
export const RAISED_RANGES_MAX = 65_536;

export const TREE_WIDTH_DEFAULT = 15;
export const TREE_WIDTH_MAX = 1024;
/** Children of the login node: each has its queue and its cursor there. */
export const ROOT_WIDTH_DEFAULT = 64;
/** Edges from the root to the farthest node. */
export const TREE_DEPTH_MAX = 64;
export const THRESHOLD_NODES_DEFAULT = 512;
export const NODES_MAX = 1_000_000;
/** Digits of a number in a node's name: longer ones are not exact as numbers. */
export const HOSTLIST_DIGITS_MAX = 15;

export const CONFIG_FILE_MAX_BYTES = 64 * MIB;
export const STORE_SIZE_MIN_BYTES = 1 * MIB;
export const STORE_SIZE_MAX_BYTES = 2 ** 50;

// Of one private environment: less, and nothing useful runs in it.
export const ENVIRONMENT_MEMORY_MIN_BYTES = 64 * MIB;
export const ENVIRONMENT_DISK_MIN_BYTES = 64 * MIB;
export const ENVIRONMENT_PROCESSES_MIN = 64;
export const ENVIRONMENT_PROCESSES_MAX = 4_194_304;
/** Ids of one: ID_COUNT of native/environment/environment.h. */
export const ENVIRONMENT_IDS = 65_536;
export const STALL_DEADLINE_MIN_MS = 100;
export const STALL_DEADLINE_MAX_MS = 24 * 3_600_000;
export const RECOVERY_DEADLINE_MAX_MS = 3_600_000;
/** A cluster key in bytes; a key file is longer only by mistake. */
export const CLUSTER_KEY_MIN_BYTES = 32;
export const CLUSTER_KEY_FILE_MAX_BYTES = 4 * KIB;
/** What the cost model reckons with: a second a hop is no cluster's, nor is a terabyte a second. */
export const NETWORK_DELAY_MAX_NS = 1_000_000_000;
export const NETWORK_RATE_MIN_BITS = 8_000;
export const NETWORK_RATE_MAX_BITS = 8e12;
/** IFNAMSIZ without its NUL. */
export const INTERFACE_NAME_MAX_BYTES = 15;

/** From a process to the first of its environment. */
export const ANCESTORS_MAX = 65_536;

/** Processes of one job that wait at its preload hook at a time; more of them try again. */
export const PRELOAD_CONNECTIONS_MAX = 16_384;

/** Jobs that one node takes part in at a time. */
export const JOBS_PER_NODE_MAX = 256;
/** Jobs that a node remembers to have ended, so that nobody begins them there anew. */
export const JOBS_PAST_MAX = 1024;

/** A task of a resource manager waits so long for the environment that it is to run in. */
export const RESIDENT_DEADLINE_MS = 600_000;
/** So often the resource manager is asked whether its jobs go on. */
export const RESIDENT_LOOK_INTERVAL_MS = 5_000;
/** So long an array's tasks wait for what is carried for all of them, before each is sent it by itself. */
export const CARRIER_DEADLINE_MS = 15_000;
/** After so long without anything of it, what is on its way for another job of its node is asked for. */
export const ALONE_AFTER_MS = 5_000;

export const CONNECT_DEADLINE_MS = 5_000;
export const LINK_PING_INTERVAL_MAX_MS = 2_000;
/** In a silence deadline. */
export const LINK_PINGS_MIN = 5;
/** After how long without a word, not even a ping, a link may be taken for dead. */
export const LINK_SILENCE_DEADLINE_MIN_MS = 1_000;
export const LINK_SILENCE_DEADLINE_MAX_MS = 3_600_000;

/** For the shared storage to answer one request: a congested one takes seconds. */
export const STORAGE_DEADLINE_MIN_MS = 100;
export const STORAGE_DEADLINE_MAX_MS = 3_600_000;
/** Until what the login node has written there, and closed, is seen on a node. */
export const STORAGE_VISIBLE_DEADLINE_MS = 10_000;
export const STORAGE_VISIBLE_INTERVAL_MS = 100;
/** Segments on it: the first is small, so that nodes begin to read soon, each is twice the one before, up to the largest. */
export const SEGMENT_MIN_BYTES = 1 * MIB;
export const SEGMENT_MAX_BYTES = 64 * MIB;
/** Bytes of one read or write of it, at most (STORAGE_PIECE_MAX of native/storage), and how many of them are under way. */
export const STORAGE_PIECE_MAX_BYTES = 512 * KIB;
export const STORAGE_PIECES_AHEAD = 3;
/** AES-256. */
export const STORAGE_KEY_BYTES = 32;

/** Between two tries to connect again: the first pause, which doubles, and the longest. */
export const RECONNECT_INTERVAL_MIN_MS = 100;
export const RECONNECT_INTERVAL_MAX_MS = 1_000;
/** A child that has lost its parent waits so much longer than the parent tries: the parent's decision comes first. */
export const RECOVERY_CHILD_EXTRA_MS = 2_000;
/** Messages that are said to be settled in one. */
export const ACKNOWLEDGED_AT_ONCE_MAX = 1024;
/** Of the ranges that a child says it has. What does not fit is sent again. */
export const HAVE_NUMBERS_MAX = 1 << 16;

/** A probe (transport/probe.ts): echoes a hop, and how long it may take before who has not answered counts as silent. */
export const PROBE_ECHOES = 5;
export const PROBE_TIMEOUT_DEFAULT_MS = 3_000;
export const PROBE_TIMEOUT_MIN_MS = 100;
export const PROBE_TIMEOUT_MAX_MS = 60_000;
/** What parents far below tell when the time is over is on its way for so long at most. */
export const PROBE_LINGER_MS = 500;
/** That one parent may have at a node, and that all users may have at a login node, at a time. */
export const PROBES_PER_LINK_MAX = 16;
export const PROBES_AT_ONCE_MAX = 8;
/** Hops in one message, and nodes that are asked directly at a time. */
export const PROBED_AT_ONCE_MAX = 1024;
export const PROBED_DIRECTLY_AT_ONCE_MAX = 128;

/** A timed transfer (transport/trial.ts): units, how long they are sent, and how long the last may be on their way. */
export const TRIAL_UNITS_MAX = 8192;
export const TRIAL_DURATION_DEFAULT_MS = 1_000;
export const TRIAL_DURATION_MIN_MS = 100;
export const TRIAL_DURATION_MAX_MS = 10_000;
export const TRIAL_LINGER_MS = 15_000;
/** Sent and not yet confirmed: at 10 Gbit/s enough for a round trip of 3 ms. */
export const TRIAL_WINDOW_UNITS = 16;
export const TRIAL_NODES_MAX = 64;
/** That one daemon takes part in at a time; and what each keeps of the units that come, over and over. */
export const TRIALS_AT_ONCE_MAX = 8;
export const TRIAL_KEPT_UNITS = 8;

/** Reads that wait, as one node tells them of itself and of all below it. */
export const PRESENT_WAITS_MAX = 100;

export const COMMAND_ARGUMENTS_MAX_BYTES = 2 * MIB;

/** For a serving process to mount, and later to unmount and end. */
export const SERVE_START_DEADLINE_MS = 10_000;
export const SERVE_STOP_DEADLINE_MS = 5_000;
/** One of the serving pair takes over within milliseconds; no server for this long means that there is no pair. */
export const SERVE_GONE_DEADLINE_MS = 2_000;

/** Of a file that claims to be ELF: program headers as in the kernel, dynamic section, one name, DT_NEEDED. */
export const ELF_HEADERS_MAX_BYTES = 64 * KIB;
export const ELF_DYNAMIC_MAX_BYTES = 256 * KIB;
export const ELF_STRING_MAX_BYTES = 64 * KIB;
export const ELF_NEEDED_MAX = 4096;
/** Objects that one program may pull in: well above the largest real ones, low enough to end. */
export const LOADED_OBJECTS_MAX = 16_384;
/** Places that are looked at for all libraries of one program. */
export const LIBRARY_LOOKUPS_MAX = 200_000;
export const LOADER_CACHE_MAX_BYTES = 16 * MIB;
export const LOADER_CONFIGURATION_MAX_BYTES = 1 * MIB;
export const LOADER_FILE_MAX_BYTES = 8 * MIB;
/** Linux MAXSYMLINKS. */
export const SYMLINK_HOPS_MAX = 40;
/** Linux BINPRM_BUF_SIZE, and how often an interpreter may itself be a script (exec_binprm). */
export const SCRIPT_LINE_MAX_BYTES = 256;
export const SCRIPT_DEPTH_MAX = 5;
/** Programs that launchers start, one from the other, before the analysis takes it for a loop. */
export const PROGRAMS_FOLLOWED_MAX = 64;
/** A file that the command line names is urgent up to this size; a larger one would delay the start for its input. */
export const ARGUMENT_URGENT_MAX_BYTES = 16 * MIB;
/** Sparse files that travel with the urgent part where the serving engine cannot report holes: data bytes. */
export const SPARSE_URGENT_FILE_MAX_BYTES = 1 * MIB;
export const SPARSE_URGENT_TOTAL_MAX_BYTES = 8 * MIB;

/** Contents for which one node's task waited, as it tells the login node; the first ones count. */
export const LEARNT_CONTENTS_PER_NODE_MAX = 8192;
/** Of one command in one environment: paths, and bytes of the record, which goes into one frame. */
export const LEARNT_PATHS_MAX = 8192;
export const LEARNT_RECORD_MAX_BYTES = 1 * MIB;
/** Of one user; the oldest go. */
export const LEARNT_RECORDS_MAX = 256;
export const LEARNT_RECORDS_MAX_BYTES = 16 * MIB;
/** What a program first reads later than this, its waits left out, is not of its start-up. */
export const LEARNT_START_MAX_MS = 60_000;
/** Traced runs since a path was last read: then it is forgotten. */
export const LEARNT_FORGET_RUNS = 8;
/** Nodes of a job that write down what is opened; and what one of them tells of it, as it travels and unpacked. */
export const TRACED_NODES_MAX = 3;
export const TRACE_PACKED_MAX_BYTES = 512 * KIB;
export const TRACE_MAX_BYTES = 2 * MIB;

/** Embedded clusters: the address plan has one /24 a group, the host one bridge port a node. */
export const EMULATED_GROUPS_MAX = 64;
export const EMULATED_GROUP_SIZE_MAX = 32;
/** sockaddr_un.sun_path with its NUL. */
export const SOCKET_PATH_MAX_BYTES = 107;
export const DAEMON_READY_DEADLINE_MS = 30_000;
/** Between SIGTERM and SIGKILL for the daemons of a cluster that goes down. */
export const DAEMON_STOP_DEADLINE_MS = 3_000;
/** A killed daemon is started again: how soon, at most how late when that fails, and how often within a while. */
export const DAEMON_RESTART_DELAY_MS = 100;
export const DAEMON_RESTART_DELAY_MAX_MS = 5_000;
export const DAEMON_RESTARTS_MAX = 30;
export const DAEMON_RESTARTS_INTERVAL_MS = 60_000;
export const DAEMON_MEMORY_MAX_BYTES = 100 * MIB;
export const CONTROL_DEADLINE_MS = 10_000;
export const CONTROL_LINE_MAX_BYTES = 4 * MIB;
export const COMMAND_OUTPUT_MAX_BYTES = 64 * MIB;
