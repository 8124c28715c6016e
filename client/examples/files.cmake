# What people read first, in this order; built so that it keeps compiling, run by tests/e2e.
foreach(example 01_read_file 02_write_file 03_copy_file 04_many_rings 05_wrap_memory 06_share_iov
    07_poll 08_checkpoint 09_event_loop)
  add_executable(example-${example} examples/${example}.c)
  target_include_directories(example-${example} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  target_link_libraries(example-${example} PRIVATE usrbio Threads::Threads)
  set_target_properties(example-${example} PROPERTIES
    OUTPUT_NAME ${example} RUNTIME_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/examples)
  list(APPEND EXAMPLES example-${example})
endforeach()
set_property(GLOBAL PROPERTY USRBIO_EXAMPLES ${EXAMPLES})
