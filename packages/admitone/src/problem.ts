import { AdmitError, type AdmitErrorCode } from './errors.js';

const CODE_BY_STATUS: Readonly<Record<number, AdmitErrorCode>> = {
  401: 'not_logged_in',
  403: 'forbidden',
  404: 'not_found',
  422: 'invalid_body',
  429: 'over_limit',
};

interface Problem {
  readonly code?: string;
  readonly said: { readonly title?: string; readonly detail?: string };
}

/**
 * What an answer other than 2xx means. The gateway's RFC 9457 problem decides; an answer of something in between (a proxy, a
 * captive portal) goes by its status.
 */
export function problemOf(response: Response, text: string): AdmitError {
  const { status } = response;
  const problem = readProblem(response, text);
  const code = status >= 500 ? 'unavailable' : (problem?.code ?? CODE_BY_STATUS[status] ?? 'invalid_request');
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
