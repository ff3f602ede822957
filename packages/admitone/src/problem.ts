import { AdmitError, type AdmitErrorCode } from './errors.js';

/** The codes that count with a status. The first stands for every other code, and for an answer without one. */
const CODES: Readonly<Record<number, readonly [AdmitErrorCode, ...AdmitErrorCode[]]>> = {
  401: ['not_logged_in'],
  403: ['forbidden', 'origin_not_allowed'],
  404: ['not_found', 'tickets_disabled'],
  408: ['unavailable'],
  422: ['invalid_body'],
  425: ['unavailable'],
  429: ['over_limit'],
};

interface Problem {
  readonly code?: string;
  readonly said: { readonly title?: string; readonly detail?: string };
}

/**
 * What an answer other than 2xx means. The status decides whether it may pass, and the gateway's RFC 9457 problem what it is
 * in particular; an answer of something in between (a proxy, a captive portal) goes by its status alone.
 */
export function problemOf(response: Response, text: string): AdmitError {
  const { status } = response;
  const problem = readProblem(response, text);
  const codes = CODES[status] ?? [status < 500 ? 'invalid_request' : 'unavailable'];
  const code = codes.find((known) => known === problem?.code) ?? codes[0];
  const said = problem?.said.detail ?? problem?.said.title;
  return new AdmitError(
    code,
    `the gateway answered ${status} ${problem?.code ?? code}${said ? `: ${said}` : ''}`,
    {
      status,
      retryAfterMs: retryAfterMs(response.headers.get('retry-after')),
      problemCode: problem?.code,
      problem: problem?.said,
    },
  );
}

function readProblem(response: Response, text: string): Problem | undefined {
  if (!/^application\/problem\+json\s*(;|$)/i.test(response.headers.get('content-type') ?? ''))
    return undefined;
  try {
    const { code, title, detail } = (JSON.parse(text) ?? {}) as Record<string, unknown>;
    return {
      ...(typeof code === 'string' && /^[a-z0-9_]{1,64}$/.test(code) ? { code } : {}),
      said: {
        ...(typeof title === 'string' ? { title } : {}),
        ...(typeof detail === 'string' ? { detail } : {}),
      },
    };
  } catch {
    return undefined;
  }
}

/** RFC 9110 §10.2.3: seconds, or a date. */
function retryAfterMs(value: string | null): number | undefined {
  if (value === null) return undefined;
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now());
}
