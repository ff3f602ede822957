export type { Handshake } from './attempt.js';
export { type Credential, type CredentialKind, offerProtocols, shownProtocol } from './carriers.js';
export { type CloseNext, type CloseReading, readClose } from './close-codes.js';
export { AdmitConnection } from './connection.js';
export type { FallbackReason } from './driver.js';
export { AdmitError, type AdmitErrorCode } from './errors.js';
export { AdmitEventSource, type AdmitEventSourceOptions } from './event-source.js';
export type { AdmitConnectionEventMap, CloseDetail, StateChange } from './events.js';
export type { SocketConstructor } from './link.js';
export type { Cause, ConnectionState, ReceivedClose } from './machine.js';
export type { MintedTicket, RenewedSession } from './minted-ticket.js';
export type { AdmitConnectionOptions, ConnectionOptions, SourceOptions } from './options.js';
export { isOver } from './over.js';
export {
  type AdmitErrorEvent,
  type AdmitSocket,
  type AdmitSocketConstructor,
  type AdmitSocketOptions,
  admitSocket,
} from './socket.js';
export {
  type AcquireOptions,
  createTicketSource,
  type RetryOptions,
  type TicketSource,
  type TicketSourceOptions,
  type TicketStats,
} from './ticket-source.js';
