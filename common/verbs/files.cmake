foreach(stem card cm conn device domain listener mem nic post qp recv state timer verbs wire)
  target_sources(common PRIVATE ${CMAKE_CURRENT_LIST_DIR}/${stem}.c)
endforeach()
target_link_libraries(common PRIVATE PkgConfig::VERBS PkgConfig::RDMACM)
