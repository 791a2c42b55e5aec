/* A Modbus TCP meter of another maker's making (libmodbus): registers from the command line, one connection at a time.
   usage: peer ADDRESS VALUE [ADDRESS VALUE ...]   prints the port it listens on */
#include <modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <unistd.h>

int main(int argc, char **argv) {
    modbus_t *ctx = modbus_new_tcp("127.0.0.1", 0);
    modbus_mapping_t *map = modbus_mapping_new(0, 0, 2000, 2000);
    for (int at = 1; at + 1 < argc; at += 2) {
        int address = atoi(argv[at]);
        map->tab_registers[address] = map->tab_input_registers[address] = (uint16_t) atoi(argv[at + 1]);
    }
    int listener = modbus_tcp_listen(ctx, 1);
    if (listener < 0) return 1;
    struct sockaddr_in place;
    socklen_t size = sizeof place;
    getsockname(listener, (struct sockaddr *) &place, &size);
    printf("%d\n", ntohs(place.sin_port));
    fflush(stdout);
    for (;;) {
        uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
        if (modbus_tcp_accept(ctx, &listener) < 0) return 1;
        for (int length; (length = modbus_receive(ctx, query)) >= 0;)
            if (length > 0) {
                fprintf(stderr, "%d\n", query[7]); /* the function asked for */
                fflush(stderr);
                modbus_reply(ctx, query, length, map);
            }
        modbus_close(ctx);
    }
}
