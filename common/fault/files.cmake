target_sources(common PRIVATE
  ${CMAKE_CURRENT_LIST_DIR}/fault.c
  ${CMAKE_CURRENT_LIST_DIR}/plan.c)
