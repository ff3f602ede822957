export type { Handshake } from './attempt.js';
export { type Credential, type CredentialKind, offerProtocols, shownProtocol } from './carriers.js';
export {
  CLOSE_CODES,
  type CloseCode,
  type CloseName,
  type CloseNext,
  type CloseReading,
  isAdmitClose,
  readClose,
} from './close-codes.js';
export { AdmitConnection } from './connection.js';
export { AdmitError, type AdmitErrorCode } from './errors.js';
export type { AdmitConnectionEventMap, CloseDetail, StateChange } from './events.js';
export type { Cause, ConnectionState, ReceivedClose } from './machine.js';
export type { MintedTicket } from './minted-ticket.js';
export type { AdmitConnectionOptions, ConnectionOptions, SourceOptions } from './options.js';
export {
  type AcquireOptions,
  createTicketSource,
  type TicketSource,
  type TicketSourceOptions,
  type TicketStats,
} from './ticket-source.js';
