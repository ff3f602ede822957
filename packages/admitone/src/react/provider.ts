import {
  createContext,
  createElement,
  type ReactElement,
  type ReactNode,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useSyncExternalStore,
} from 'react';
import {
  type AcquireOptions,
  AdmitError,
  createTicketSource,
  type MintedTicket,
  type TicketSource,
  type TicketSourceOptions,
} from '../index.js';
import { isEnabled, textOf, useLatest } from './latest.js';
import { type TicketStatus, UNASKED, type WatchedSource, watchSource } from './watched-source.js';

/** A source of the application's, or what it takes to make one. */
export type AdmitProviderProps = (
  | { readonly source: TicketSource; readonly gateway?: undefined }
  | ({ readonly source?: undefined } & TicketSourceOptions)
) & {
  /** Who is logged in, such as the user's id. With another one nothing of the former login is used, and connections are opened anew. */
  readonly login?: string | undefined;
  readonly children?: ReactNode;
};

/** What {@link useTicketSource} gives. The functions are the same ones until the login is another. */
export interface TicketSourceHook {
  /** A ticket that nobody else was given. @throws AdmitError */
  readonly get: (options?: AcquireOptions) => Promise<MintedTicket>;
  /** Mints ahead what the next `get` or connection takes. */
  readonly prefetch: (route?: string) => Promise<void>;
  /** Discards what was minted ahead, and mints afresh with the login that `token` gives now. */
  readonly refresh: (route?: string) => Promise<void>;
  /** Has the gateway forget a ticket that will not be used. @throws AdmitError */
  readonly revoke: (ticket: MintedTicket | string) => Promise<void>;
  /** For `AdmitConnection`, `admitSocket` and `AdmitEventSource`. */
  readonly source: TicketSource;
  /** How minting goes. */
  readonly status: TicketStatus;
}

const SourceContext = createContext<WatchedSource | undefined>(undefined);

/** Mints tickets for the components below it. What its props say may be another in every render; `token` and `enabled` are always the latest. */
export function AdmitProvider({ children, login, ...options }: AdmitProviderProps): ReactElement {
  const latest = useLatest(options);
  const text = textOf(options);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the options' text stands for them, and another login needs another source.
  const source = useMemo(
    () => watchSource(() => options.source ?? sourceOf(latest as { readonly current: TicketSourceOptions })),
    [latest, options.source, text, login],
  );
  const previous = useRef(source);
  useEffect(() => {
    if (previous.current !== source) previous.current.clear();
    previous.current = source;
  }, [source]);
  return createElement(SourceContext.Provider, { value: source }, children);
}

function sourceOf(latest: { readonly current: TicketSourceOptions }): TicketSource {
  return createTicketSource({
    ...latest.current,
    token: () => latest.current.token(),
    enabled: () => isEnabled(latest.current),
  });
}

/** The source of the {@link AdmitProvider} above. */
export function useWatchedSource(): WatchedSource | undefined {
  return useContext(SourceContext);
}

/**
 * Tickets for what is no connection of this package, and how minting goes.
 *
 * @throws AdmitError `invalid_options` where there is no provider above
 */
export function useTicketSource(): TicketSourceHook {
  const source = useWatchedSource();
  if (!source) throw new AdmitError('invalid_options', 'useTicketSource: there is no <AdmitProvider> above');
  const status = useSyncExternalStore(source.subscribe, source.status, () => UNASKED);
  const calls = useMemo(() => callsOf(source), [source]);
  return useMemo(() => ({ ...calls, source, status }), [calls, source, status]);
}

function callsOf(source: WatchedSource): Omit<TicketSourceHook, 'source' | 'status'> {
  return {
    get: (options) => source.acquire(options),
    prefetch: (route) => source.prefetch(route),
    refresh: (route) => {
      source.clear();
      return source.prefetch(route);
    },
    revoke: (ticket) => source.revoke(typeof ticket === 'string' ? ticket : ticket.ticket),
  };
}
