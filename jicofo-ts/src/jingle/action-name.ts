/** COMPAT(jicofo): a Jingle action in names of metrics: `session_accept`, but `sourceadd`. */
export function actionName(action: string): string {
  return action.startsWith("source-") ? action.replace("-", "") : action.replaceAll("-", "_");
}
