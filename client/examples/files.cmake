# What people read first; built so that it keeps compiling.
foreach(example read_file copy_file)
  add_executable(example-${example} examples/${example}.c)
  target_include_directories(example-${example} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  target_link_libraries(example-${example} PRIVATE usrbio)
  set_target_properties(example-${example} PROPERTIES
    OUTPUT_NAME ${example} RUNTIME_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/examples)
endforeach()
