import { Card } from "~/parts/Card";

export default function Overview() {
  return <Card title="Overview">…</Card>;
}
