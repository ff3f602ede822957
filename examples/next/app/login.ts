// Stands for whatever logs people in: it keeps an access token in the tab.

export function accessToken(): string {
  return sessionStorage.getItem('access_token') ?? '';
}
