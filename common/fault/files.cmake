foreach(file conn domain fault plan)
  target_sources(common PRIVATE ${CMAKE_CURRENT_LIST_DIR}/${file}.c)
endforeach()
