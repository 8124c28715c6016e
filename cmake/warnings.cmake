# Warnings are errors, everywhere but in generated code.
add_compile_options(
  -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition
  -Wpointer-arith -Wvla -Wundef -Wwrite-strings -Wno-unused-parameter -fno-strict-aliasing)
