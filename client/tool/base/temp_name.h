/* Names for files that a copy makes beside their final place. Any thread. */
#ifndef USRBIO_TOOL_TEMP_NAME_H
#define USRBIO_TOOL_TEMP_NAME_H

#define TEMP_NAME_SIZE 32 /* bytes, with the final zero */

/* Generate a name that no file of the directory has, almost certainly: create it with O_EXCL. */
void temp_name(char name[TEMP_NAME_SIZE]);

#endif
