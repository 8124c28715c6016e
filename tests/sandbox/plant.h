/*
 * The attempts of code that should not be in the server (plant.c), and where they aim, which
 * planted.c tells by the environment.
 */
#ifndef USRBIO_TESTS_SANDBOX_PLANT_H
#define USRBIO_TESTS_SANDBOX_PLANT_H

/* A client asks for one by making a directory of this name: "plant.open". */
#define PLANT_PREFIX "plant."

#define PLANT_SECRET                                                                               \
	"PLANT_SECRET"		      /* a file outside the export that the server's user may read \
				       */
#define PLANT_OUTSIDE "PLANT_OUTSIDE" /* a directory that it may change */
#define PLANT_EXPORT  "PLANT_EXPORT"  /* the exported one */
#define PLANT_PORT    "PLANT_PORT"    /* of a TCP listener on 127.0.0.1 */
#define PLANT_SOCKET  "PLANT_SOCKET"  /* name of an abstract unix socket that listens */

#endif
