foreach(file conn data domain listener loop poll)
  target_sources(common PRIVATE ${CMAKE_CURRENT_LIST_DIR}/${file}.c)
endforeach()
