# The `usrbio` program: a user of the library's public headers like any other, but for keys.
set(TOOL
  main.c completion.c
  cmd/cmd_attach.c cmd/cmd_cp.c cmd/cmd_keygen.c cmd/cmd_ls.c cmd/cmd_mkdir.c cmd/cmd_mv.c
  cmd/cmd_ping.c cmd/cmd_rm.c cmd/cmd_stat.c cmd/cmd_stats.c
  cmd/cmd_sync.c cmd/copying.c cmd/sources.c cmd/summary.c
  names/cmd_cat.c names/cmd_chmod.c names/cmd_df.c names/cmd_du.c names/cmd_find.c names/cmd_ln.c names/cmd_touch.c
  names/mode.c
  stream/stream.c
  remove/rm_tree.c
  tree/extras.c tree/target.c tree/visit.c tree/walk.c tree/walk_target.c
  copy/commit.c copy/complain.c copy/copy.c copy/copy_file.c copy/copy_kept.c copy/copy_lane.c
  copy/copy_link.c copy/copy_worker.c
  copy/mover.c copy/names.c copy/pieces.c
  run/progress.c run/run.c
  bench/bench_files.c bench/bench_lane.c bench/bench_own.c bench/bench_run.c bench/cmd_bench.c
  ledger/idset.c ledger/ledger.c ledger/mark.c
  fs/dir.c fs/endpoint.c fs/extents.c fs/fs_link.c fs/fs_local.c fs/fs_mount.c fs/keep.c fs/named.c fs/virt.c
  base/exclude.c base/histogram.c base/process.c base/say.c base/show.c base/size.c base/stop.c base/temp_name.c)
list(TRANSFORM TOOL PREPEND tool/)
add_executable(usrbio-tool ${TOOL})
target_include_directories(usrbio-tool PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
# Common's archive alone, for keygen: with fault points who links common wraps malloc, and that cannot be
# done to the library here a second time.
target_link_libraries(usrbio-tool PRIVATE usrbio $<TARGET_FILE:common> PkgConfig::CRYPTO Threads::Threads)
add_dependencies(usrbio-tool common)
set_target_properties(usrbio-tool PROPERTIES OUTPUT_NAME usrbio)
install(TARGETS usrbio-tool RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
