// Stands for whatever logs people in: it keeps an access token, and knows whose it is.

export function accessToken(): string {
  return sessionStorage.getItem('access_token') ?? '';
}

export function userId(): string {
  return sessionStorage.getItem('user_id') ?? '';
}
