# The program as a formula of Homebrew. A clone of the repository is a tap:
#
#   brew tap gpa/mlx "$PWD"
#   brew install --HEAD gpa/mlx/gpa-mlx
class GpaMlx < Formula
  desc "Local speech on Apple MLX: transcribes, speaks and converts voices, offline"
  homepage "https://github.com/AutoArk/GPA"
  license "Apache-2.0"
  # The tap is a clone of the repository, so it has the source.
  head "file://#{Pathname(__dir__).parent}", using: :git, branch: "main"

  depends_on arch: :arm64
  depends_on macos: :sonoma
  depends_on "python@3.13"

  def install
    # MLX comes as a wheel with its compiled Metal kernels: to build it takes Xcode.
    system Formula["python@3.13"].opt_bin/"python3.13", "-m", "venv", libexec
    system libexec/"bin/python", "-m", "pip", "install", "--no-cache-dir", buildpath
    bin.install_symlink libexec/"bin/gpa-mlx"
  end

  test do
    assert_match version.to_s.split("-").first, shell_output("#{bin}/gpa-mlx --version") unless build.head?
    assert_match "three", shell_output("#{bin}/gpa-mlx demo")
  end
end
