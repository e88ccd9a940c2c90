from tests.small import runs
from tests.small_videos import video_runs

__all__ = ["runs", "video_runs"]
