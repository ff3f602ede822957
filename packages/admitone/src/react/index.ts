export type { ConnectionHandlers, ConnectionSnapshot } from './connection-store.js';
export {
  AdmitProvider,
  type AdmitProviderProps,
  type TicketSourceHook,
  useTicketSource,
} from './provider.js';
export { type ConnectionHook, type UseConnectionOptions, useConnection } from './use-connection.js';
export type { TicketStatus } from './watched-source.js';
