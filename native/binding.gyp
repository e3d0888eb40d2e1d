{
  "target_defaults": {
    "cflags": ["-O2", "-Wall", "-Wextra", "-fstack-protector-strong", "-D_GNU_SOURCE"],
    "cflags_cc": ["-std=c++17"]
  },
  "targets": [
    {
      "target_name": "tees",
      "sources": [
        "src/addon.cc", "src/credentials.cc", "src/descriptors.cc", "src/files.cc", "src/labels.cc", "src/munge.cc", "src/names.cc",
        "src/placement.cc", "src/work.cc"
      ],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      # A worker thread may be ended in the middle of a call (a scan that is cancelled), and cannot be thrown at then:
      # without the last of these that would end the whole daemon.
      "defines": ["NAPI_VERSION=8", "NODE_ADDON_API_CPP_EXCEPTIONS", "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"],
      "cflags_cc!": ["-fno-exceptions"],
      "cflags_cc": ["-fexceptions"]
    },
    {
      "target_name": "tees-launch",
      "type": "executable",
      "sources": [
        "launch/main.c", "launch/plan.c", "launch/report.c", "launch/retire.c", "launch/mountinfo.c", "launch/mounts.c",
        "launch/task.c", "launch/filter.c", "launch/groups.c", "launch/identity.c", "launch/guard.c", "launch/init.c", "launch/launcher.c", "launch/client.c",
        "launch/streams.c", "launch/trace.c"
      ],
      "cflags": ["-std=gnu11"]
    },
    {
      "target_name": "tees-serve",
      "type": "executable",
      "sources": [
        "serve/main.c", "serve/cleanup.c", "serve/setup.c", "serve/mount.c", "serve/probe.c", "serve/pair.c", "serve/privileges.c",
        "serve/state.c", "serve/server.c", "serve/control.c", "serve/clients.c", "serve/protocol.c",
        "serve/worker.c", "serve/opens.c", "serve/waiters.c", "serve/contents.c", "serve/device.c",
        "serve/fatal.c", "serve/request.c", "serve/answer.c", "serve/tree.c"
      ],
      "cflags": ["-std=gnu11", "-pthread"],
      "ldflags": ["-pthread"]
    },
    {
      "target_name": "tees-storage",
      "type": "executable",
      "sources": ["storage/main.c", "storage/crypt.c"],
      "cflags": ["-std=gnu11"],
      "libraries": ["-lcrypto"]
    },
    {
      "target_name": "tees-keep",
      "type": "executable",
      "sources": [
        "environment/keeper.c", "environment/attend.c", "environment/transfer.c", "environment/monitor.c", "environment/root.c", "environment/trees.c", "environment/devices.c", "environment/identities.c",
        "environment/mask.c", "environment/init.c", "environment/session.c", "environment/command.c", "environment/filter.c", "environment/limits.c", "environment/volume.c", "environment/reserve.c", "environment/submit.c", "environment/programs.c",
        "environment/places.c", "environment/user.c", "environment/settings.c", "environment/message.c", "launch/filter.c", "launch/groups.c", "launch/mountinfo.c"
      ],
      "cflags": ["-std=gnu11"],
      # Symbols are found once, before it forks, and not in each process anew.
      "ldflags": ["-Wl,-z,now"]
    },
    {
      "target_name": "tees-enter",
      "type": "executable",
      "sources": ["environment/client.c", "environment/inner.c", "environment/submit.c", "environment/message.c"],
      "cflags": ["-std=gnu11"],
      # It is started for each shell and each sudo inside, where its user may have broken the libraries.
      "ldflags": ["-static"]
    },
    {
      "target_name": "tees-init",
      "type": "executable",
      "sources": ["init/main.c", "init/supervise.c", "init/one.c", "init/namespaces.c", "init/node.c", "init/enter.c", "init/listen.c"],
      "cflags": ["-std=gnu11"]
    },
    {
      # The way into an environment for tasks that no plugin of their manager brings in.
      "target_name": "tees-task",
      "type": "executable",
      "sources": ["../hooks/pbs/task.c", "../hooks/task/door.c", "../hooks/task/enter.c", "environment/message.c", "launch/filter.c"],
      "cflags": ["-std=gnu11"],
      "ldflags": ["-Wl,-z,now"]
    },
    {
      # One of the preload hook's two libraries; see hooks/preload. `type` none with an action: gyp's own shared
      # libraries would get Node's flags.
      "target_name": "tees-preload",
      "type": "none",
      "actions": [
        {
          "action_name": "preload libraries",
          "inputs": ["<!@(ls ../hooks/preload/*.c ../hooks/preload/*.h ../hooks/preload/exports.map ../hooks/preload/build)"],
          "outputs": ["<(PRODUCT_DIR)/tees-preload.so", "<(PRODUCT_DIR)/tees-audit.so"],
          "action": ["bash", "../hooks/preload/build", "<(PRODUCT_DIR)"]
        }
      ]
    },
    {
      # Slurm's plugin, where Slurm's headers are installed.
      "target_name": "tees-spank",
      "type": "none",
      "actions": [
        {
          "action_name": "SPANK plugin",
          "inputs": [
            "<!@(ls ../hooks/slurm/*.c ../hooks/task/*.c ../hooks/task/*.h ../hooks/slurm/exports.map ../hooks/slurm/build)",
            "environment/message.c", "launch/filter.c"
          ],
          "outputs": ["<(PRODUCT_DIR)/tees-spank.so"],
          "action": ["bash", "../hooks/slurm/build", "<(PRODUCT_DIR)"]
        }
      ]
    }
  ]
}
