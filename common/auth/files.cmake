foreach(stem exchange keyfile secret)
  target_sources(common PRIVATE ${CMAKE_CURRENT_LIST_DIR}/${stem}.c)
endforeach()
target_link_libraries(common PRIVATE PkgConfig::CRYPTO)
