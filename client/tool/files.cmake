# The `usrbio` program: a user of the library's public headers like any other, but for keys.
set(TOOL
  bench_files.c bench_lane.c bench_own.c bench_run.c cmd_attach.c cmd_bench.c cmd_cp.c cmd_keygen.c cmd_ls.c
  cmd_mkdir.c cmd_mv.c cmd_ping.c cmd_rm.c cmd_stat.c cmd_stats.c commit.c complain.c copy.c copy_file.c
  copy_lane.c copy_worker.c dir.c extents.c fs.c fs_link.c fs_local.c fs_mount.c histogram.c idset.c ledger.c
  main.c mark.c mover.c named.c pieces.c progress.c rm_tree.c run.c say.c show.c size.c stop.c target.c virt.c walk.c)
list(TRANSFORM TOOL PREPEND tool/)
add_executable(usrbio-tool ${TOOL})
target_include_directories(usrbio-tool PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
# Common's archive alone, for keygen: with fault points who links common wraps malloc, and that cannot be
# done to the library here a second time.
target_link_libraries(usrbio-tool PRIVATE usrbio $<TARGET_FILE:common> PkgConfig::CRYPTO Threads::Threads)
add_dependencies(usrbio-tool common)
set_target_properties(usrbio-tool PROPERTIES OUTPUT_NAME usrbio)
install(TARGETS usrbio-tool RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
