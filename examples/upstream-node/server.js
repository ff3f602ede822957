// A server behind the gateway, on a port that others reach too: it serves whom the gateway vouches for.
import { createServer, STATUS_CODES } from 'node:http';
import { WebSocketServer } from 'ws';
import { Assertions } from './assertions.js';

const { GATEWAY = 'http://127.0.0.1:8080', ROUTE = '/chat', PORT = '9000' } = process.env;
const assertions = new Assertions(GATEWAY, ROUTE);
const sockets = new WebSocketServer({ noServer: true });

function say(line) {
  process.stdout.write(`${line}\n`);
}

function refuse(socket, status) {
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

function talk(socket, person) {
  socket.on('error', () => {});
  socket.on('message', (text) => socket.send(`${person}: ${text}`));
  socket.send(`hello ${person}`);
}

const server = createServer((_, response) => response.writeHead(426).end());
server.on('upgrade', async (request, socket, head) => {
  socket.on('error', () => {});
  try {
    const { sub } = await assertions.verify(request.headers);
    sockets.handleUpgrade(request, socket, head, (opened) => talk(opened, sub));
  } catch (error) {
    say(`refused: ${error.message}`);
    refuse(socket, 403);
  }
});
server.listen(Number(PORT), '127.0.0.1', () => say(`listening on ${server.address().port}`));
